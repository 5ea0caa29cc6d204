"""`chittygraph check`: find and repair values that other programs stored in another form."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from db.migrating import migrator
from db.migrating.adoption import changed_cells
from db.migrating.adoption.adoption import Adoption
from server.cli import options
from server.cli.output import messages, recreation_report
from server.files import changes
from server.settings import Settings
from server.telemetry import logs

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "check",
        "find values that other programs stored in another form, and repair them",
        details=(
            "Without --fix it changes nothing. With --fix it copies the database, migrates and repairs"
            " it; `chittygraph status` lists the repairs. Exits with 1 if any problem is found or"
            " remains."
        ),
        examples=("check", "check --fix"),
    )
    parser.add_argument("--fix", action="store_true", help="Copy the database, then repair it.")
    add_changes(parser)
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check or repair; raises BootRefused if the database allows neither."""
    settings = options.settings_of(args)
    log_on_terminal(settings)
    path = settings.database_path
    with changes.written_to(args.changes) as tell:
        problems = migrator.check(path, tell=changed_cells.ignore if args.fix else tell)
        if args.fix and describe(problems):
            results = [migrator.bring_up_to_date(path, to_repair=True, tell=tell)]
            left = [each for each in problems.repairs if each not in results[0].repairs]
            if left and results[0].copy is None:  # adoption includes the repairs
                results.append(migrator.repair(path, tell=tell))
            print("\n".join(line for result in results for line in describe(result, done=True)))
            problems = migrator.check(path)
    lines = describe(problems)
    print("\n".join(lines) or f"{path} needs no repair")
    return messages.FAILED if lines else 0


def add_changes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--changes",
        type=Path,
        metavar="FILE",
        help="Write every changed value to this file, before and after, one JSON object per line.",
    )


def describe(adoption: Adoption, *, done: bool = False) -> list[str]:
    """What was done, or is to be done: a line for each thing, then for each value that is replaced."""
    left = adoption.changed - len(adoption.changes)
    return [
        *([f"copied to {adoption.copy}"] if adoption.copy else []),
        *(f"recognised {name}" for name in adoption.recognised),
        *(f"{'applied' if done else 'pending'} {name}" for name in adoption.applied),
        *(f"{'repaired' if done else 'found'} {repair}" for repair in adoption.repairs),
        *(f"  {change}" for change in adoption.changes),
        *([f"  and {left:,} values more: --changes FILE writes them all"] if left else []),
        *(
            recreation_report.describe(adoption.recreation, done=done)
            if adoption.recreation
            else []
        ),
    ]


def log_on_terminal(settings: Settings) -> None:
    """Log progress if a person may be watching; for programs, the result is enough."""
    if sys.stderr.isatty():
        logs.configure(settings.log_format, settings.log_level)
