"""`chittygraph audit`: verify, prune and export the history of changes."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from server.cli import options
from server.cli.output import messages
from server.files.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from db.audit.findings import Finding
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "audit",
        "verify, prune and export the history of changes",
        examples=(
            "audit verify",
            "audit prune --before 365d --dry-run",
            "audit export --jsonl --output changes.jsonl",
        ),
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_verify(actions)


def _add_verify(actions: "Commands") -> None:
    parser = options.command(
        actions,
        "verify",
        "recompute every row from its changes, and name each difference",
        details=(
            "It changes nothing and works beside a running server. With --record it makes lost triggers"
            " anew and records each row that is not as its changes tell, with the cause `external`. Exits"
            " with 1 if any difference is found or remains."
        ),
        examples=("audit verify", "audit verify --json", "audit verify --record"),
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    parser.add_argument(
        "--record", action="store_true", help="Record what changed behind the history's back."
    )
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=verify)


def verify(args: argparse.Namespace) -> int:
    """Print every difference; 1 if there is one. Raises BootRefused if the database cannot be read."""
    from db.audit import verification

    path = options.settings_of(args).database_path
    report = _Report(path, as_json=args.json)
    if args.record:
        verification.record(path, report.recorded)
    report.begin_findings()
    with Progress() as progress, verification.snapshot(path) as connection:
        total = verification.size(connection)
        progress.stage("verifying", total)
        for finding in verification.verify(connection, progress.advance):
            progress.clear()
            report.found(finding)
    report.end(total)
    return messages.FAILED if report.findings else 0


class _Report:
    """Prints as it is told, since there may be a difference in every row."""

    def __init__(self, path: "Path", *, as_json: bool) -> None:
        self._path = path
        self._as_json = as_json
        self._separator = ""
        self.findings = 0
        if as_json:
            print(f'{{"database": {json.dumps(str(path))}, "recorded": [', end="")

    def recorded(self, finding: "Finding") -> None:
        self._print(finding, "recorded  ")

    def begin_findings(self) -> None:
        self._separator = ""
        if self._as_json:
            print('], "differences": [', end="")

    def found(self, finding: "Finding") -> None:
        self.findings += 1
        self._print(finding, "")

    def end(self, total: int) -> None:
        if self._as_json:
            print(f'], "examined": {total}}}')
        elif not self.findings:
            print(f"{self._path}: its history tells how every row became what it is")
        else:
            print(f"{self.findings:,} difference{'s' * (self.findings != 1)}")

    def _print(self, finding: "Finding", label: str) -> None:
        if self._as_json:
            print(f"{self._separator}\n  {json.dumps(finding.as_json())}", end="")
            self._separator = ","
        else:
            text = f"{label}{finding}"
            print(text.encode("utf-8", "backslashreplace").decode())
        sys.stdout.flush()
