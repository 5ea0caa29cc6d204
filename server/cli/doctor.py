"""`chittygraph doctor`: check a deployment, and say what to do."""

import argparse
import json
import textwrap
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from server import called_as
from server.cli import backup, options
from server.cli.output import messages

if TYPE_CHECKING:
    from server.cli.options import Commands
    from server.doctor.findings import Finding

WIDTH = 100
INDENT = " " * 22


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "doctor",
        "check a deployment, and say what to do for each finding",
        details=(
            "Give it the variables or flags of the server. It changes nothing, works beside a running"
            " server and reads the whole database. Exits with 0 if all is well or there are only"
            " warnings, and with 1 if anything is wrong."
        ),
        examples=(
            "doctor",
            "doctor --auth protected --host 0.0.0.0",
            "doctor --backups /backups --max-age 2h --json",
        ),
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    parser.add_argument(
        "--backups",
        type=Path,
        metavar="FOLDER",
        help="A folder of `backup --once` or `--every`, whose newest backup is looked at.",
    )
    parser.add_argument(
        "--max-age",
        type=backup.seconds,
        default=backup.SECONDS["d"],
        metavar="TIME",
        help="How old the newest backup may be, such as 2h. Default: 1d.",
    )
    options.add_settings(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print every finding; 1 if any is a problem."""
    from server.doctor.examination import examine
    from server.doctor.findings import Deployment, Level

    deployment = Deployment(
        options.settings_of(args),
        frozenset(options.flags_of(args)),
        args.backups,
        args.max_age,
        options.setting_file_of(args),
    )
    found = list(examine(deployment))
    counted = Counter(finding.level for _, finding in found)
    if args.json:
        print(json.dumps(_report(found, counted[Level.PROBLEM], counted[Level.WARNING]), indent=2))
    else:
        for name, finding in found:
            print("\n".join(_lines(name, finding)))
        print(_summary(counted[Level.PROBLEM], counted[Level.WARNING]))
    return messages.FAILED if counted[Level.PROBLEM] else 0


def _report(found: "list[tuple[str, Finding]]", problems: int, warnings: int) -> dict[str, object]:
    return {
        "problems": problems,
        "warnings": warnings,
        "findings": [
            {
                "check": name,
                "level": finding.level.value,
                "found": finding.found,
                "advice": finding.advice,
            }
            for name, finding in found
        ],
    }


def _lines(name: str, finding: "Finding") -> list[str]:
    lines = _wrapped(finding.found, f"{finding.level.value:8} {name:12} ", INDENT)
    if finding.advice:
        lines += _wrapped(called_as.as_typed(finding.advice), f"{INDENT}do: ", f"{INDENT}    ")
    return lines


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    """Paths and commands stay whole."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summary(problems: int, warnings: int) -> str:
    if not problems and not warnings:
        return "all is well"
    return f"{problems} problem{'s' * (problems != 1)}, {warnings} warning{'s' * (warnings != 1)}"
