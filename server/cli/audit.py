"""`chittygraph audit`: verify, prune and export the history of changes."""

import argparse
import asyncio
import json
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, TextIO

from db.model import instants
from db.sqlite import new_files
from server.cli import options, signals
from server.cli.output import messages
from server.files.progress import Progress

if TYPE_CHECKING:
    from db.audit.archived import Tally
    from db.audit.findings import Finding
    from server.cli.options import Commands
    from server.files.change_exporting import ChangeExport
    from server.settings import Settings

HOURS = {"h": 1, "d": 24, "w": 7 * 24}
AGE = re.compile(r"([0-9]{1,9})([hdw])")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FORMATS = "an age such as 12h, 90d or 8w, a day such as 2026-01-31, or an instant"
LONGEST_CHANGE = 64 * 2**20  # bytes of its line in an export
READ_SECONDS = 3_600.0  # pruning counts a whole history


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
    _add_prune(actions)
    _add_export(actions)


def _add_prune(actions: "Commands") -> None:
    parser = options.command(
        actions,
        "prune",
        "remove old changes, for good",
        details=(
            "Of each row, its last change before the cut is kept as its base, so that `audit verify` stays"
            " exact. The cut is before the first change at or after the time. Works beside a running"
            " server, which writes between the portions that are cut."
        ),
        examples=("audit prune --before 365d --dry-run", "audit prune --before 2026-01-01"),
    )
    parser.add_argument(
        "--before",
        type=_time,
        required=True,
        metavar="WHEN",
        help=f"Remove changes that are older: {FORMATS}.",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="Only say how many changes would be removed."
    )
    options.add_settings(parser, {"database", "min_free_mb"})
    parser.set_defaults(run=prune)


def _add_export(actions: "Commands") -> None:
    parser = options.command(
        actions,
        "export",
        "write the changes as JSON Lines, in order, to stdout or a file",
        details="Private values are in it, as in `export`. Bases that pruning left are not.",
        examples=(
            "audit export --jsonl --output changes.jsonl",
            "audit export --jsonl --since 7d | jq .cause",
        ),
    )
    parser.add_argument(
        "--jsonl", action="store_true", required=True, help="One JSON object per line."
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="Write to this file, which appears complete or not at all. Default: stdout.",
    )
    parser.add_argument("--overwrite", action="store_true", help="Replace FILE if it exists.")
    parser.add_argument(
        "--since", type=_time, metavar="WHEN", help="Only changes from then on, as for --before."
    )
    parser.add_argument(
        "--before", type=_time, metavar="WHEN", help=f"Only older changes: {FORMATS}."
    )
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=export)


def _time(text: str) -> str:
    try:
        return _instant(text, datetime.now(UTC))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} must be {FORMATS}") from None


def _instant(text: str, now: datetime) -> str:
    if age := AGE.fullmatch(text):
        return instants.canonical(now - timedelta(hours=int(age[1]) * HOURS[age[2]]))
    if DAY.fullmatch(text):
        return instants.canonical(datetime.combine(datetime.fromisoformat(text), time(), UTC))
    if "T" not in text:
        raise ValueError
    return instants.parse(text)


def prune(args: argparse.Namespace) -> int:
    """Prune; 1 if the time is in the future. Raises BootRefused, Unavailable."""
    if args.before > instants.now():
        return messages.error(
            f"{args.before} is in the future: give a time that has passed", messages.USAGE_ERROR
        )
    asyncio.run(_prune(options.settings_of(args), args.before, is_dry=args.dry_run))
    return 0


async def _prune(settings: "Settings", before: str, *, is_dry: bool) -> None:
    from db.history import checkpoint, pruning
    from db.open_database import open_database

    database = await open_database(
        settings.database,
        migrate=False,
        to_write=not is_dry,
        readers=1,
        read_seconds=READ_SECONDS,
        min_free_bytes=settings.min_free_mb * 2**20,
    )
    try:
        with Progress() as progress:
            progress.stage("looking for old changes")
            forecast = await pruning.foresee(database, before)
            cut = forecast.changes
            if not is_dry:
                progress.stage("pruning", forecast.changes)
                cut = await pruning.prune(database, before, tell=progress.advance)
        growth = await database.read(checkpoint.growth())
    finally:
        await database.close()
    print(
        f"{settings.address}: {_changes(cut)} before {before} {'would be' if is_dry else 'were'} cut off"
    )
    kept = forecast.bases if is_dry else growth.bases
    left = growth.changes - (cut if is_dry else 0)
    since = "" if is_dry or growth.oldest_at is None else f" since {growth.oldest_at}"
    print(
        f"{kept:,} {'would stay' if is_dry else 'stay'} as bases of rows, and {_changes(left)}{since}"
    )


def _code(export: "ChangeExport") -> int:
    for problem in export.problems:
        print(problem, file=sys.stderr)
    if not export.problems:
        return 0
    return messages.error(
        f"{_changes(export.left_out)} cannot be written as JSON, so the export is incomplete:"
        " `chittygraph audit verify` names them, and `export --sql` has them as they are"
    )


def _changes(count: int) -> str:
    return f"{count:,} change{'s' * (count != 1)}"


def export(args: argparse.Namespace) -> int:
    """Export; 1 if a change cannot be written as JSON. Raises BootRefused or OSError."""
    from server.files.change_exporting import ChangeExport

    database, output = options.settings_of(args).database_path, args.output
    if output is None:
        export = ChangeExport(database, args.since, args.before)
        sys.stdout.buffer.writelines(export.lines())
        sys.stdout.buffer.flush()
        return _code(export)
    if new_files.is_same(output, database):
        return messages.error(
            f"--output is {database} itself: name another file", messages.USAGE_ERROR
        )
    if output.is_dir():
        return messages.error(f"{output} is a folder: name a file in it")
    if output.exists() and not args.overwrite:
        return messages.error(f"{output} already exists: name another file, or add --overwrite")
    export = ChangeExport(database, args.since, args.before)
    with new_files.aside(output) as new:
        with new.open("wb") as file:
            file.writelines(export.lines())
        if not export.problems:
            signals.ignore()  # the exit code says whether the file is there
            if args.overwrite:
                new_files.publish(new, output)
            elif not new_files.publish_first(new, output):
                return messages.error(f"{output} was made meanwhile: name another file")
            print(f"{output}: {_changes(export.written)}, {output.stat().st_size:,} bytes")
    return _code(export)


def _add_verify(actions: "Commands") -> None:
    parser = options.command(
        actions,
        "verify",
        "recompute every row from its changes, and name each difference",
        details=(
            "It changes nothing and works beside a running server. With --record it makes lost triggers"
            " anew and records each row that is not as its changes tell, with the cause `external`. Exits"
            " with 1 if any difference is found or remains. --against compares each change with an export of"
            " it that was kept elsewhere, and so finds also an altered actor, cause or time."
        ),
        examples=(
            "audit verify",
            "audit verify --json",
            "audit verify --record",
            "audit verify --against changes.jsonl",
        ),
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    parser.add_argument(
        "--record", action="store_true", help="Record what changed behind the history's back."
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        help="Compare the changes with this file, which `audit export` wrote; - is stdin.",
    )
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=verify)


def verify(args: argparse.Namespace) -> int:
    """Print every difference; 1 if there is one. Raises BootRefused if the database cannot be read."""
    from server.files import text_files

    try:
        if args.against is None:
            return _verify(args, None)
        with text_files.open_file(args.against) as (archive, _):
            return _verify(args, archive)
    except text_files.FileRefused as refused:
        return messages.error(str(refused))


def _verify(args: argparse.Namespace, archive: BinaryIO | None) -> int:
    from db.audit import archived, verification
    from server.files.text_files import FileRefused

    path = options.settings_of(args).database_path
    tally = archived.Tally()
    with TemporaryFile("w+", encoding="utf-8") as told, Progress() as progress:
        report = _Report(path, as_json=args.json)
        if args.record:  # told once it is durable, however much it is
            progress.stage("recording")
            verification.record(path, lambda finding: report.write(told, finding, "recorded  "))
        with verification.snapshot(path) as connection:
            total = verification.size(connection)
            progress.clear()
            report.begin(told)
            progress.stage("verifying", total)
            for finding in verification.verify(connection, progress.advance):
                progress.clear()
                report.found(finding)
            try:
                for finding in archived.compare(connection, _lines(archive), tally):
                    progress.clear()
                    report.found(finding)
            except archived.NotArchived as refused:
                raise FileRefused(f"{args.against}: {refused}") from None
        progress.clear()
        report.end(total, None if archive is None else tally)
    return messages.FAILED if report.findings else 0


def _lines(archive: BinaryIO | None) -> Iterator[bytes]:
    """The lines of a file, if there is one; one that is too long is cut, and so no JSON."""
    if archive is not None:
        while line := archive.readline(LONGEST_CHANGE):
            yield line


class _Report:
    """Prints as it is told, since there may be a difference in every row."""

    def __init__(self, path: Path, *, as_json: bool) -> None:
        self._path = path
        self._as_json = as_json
        self._separator = ""
        self.findings = 0

    def begin(self, recorded: TextIO) -> None:
        """Print what was recorded, before the differences."""
        if self._as_json:
            print(f'{{"database": {json.dumps(str(self._path))}, "recorded": [', end="")
        recorded.seek(0)
        shutil.copyfileobj(recorded, sys.stdout)
        if self._as_json:
            print('], "differences": [', end="")
        self._separator = ""

    def found(self, finding: "Finding") -> None:
        self.findings += 1
        self.write(sys.stdout, finding, "")
        sys.stdout.flush()

    def end(self, total: int, tally: "Tally | None") -> None:
        if self._as_json:
            compared = (
                "" if tally is None else f', "compared": {tally.compared}, "pruned": {tally.pruned}'
            )
            print(f'], "examined": {total}{compared}}}')
            return
        if tally is not None:
            print(
                f"{_changes(tally.compared)} compared with the export;"
                f" {tally.pruned:,} more of it were pruned since"
            )
        if self.findings:
            print(f"{self.findings:,} difference{'s' * (self.findings != 1)}")
        else:
            print(f"{self._path}: its history tells how every row became what it is")

    def write(self, file: TextIO, finding: "Finding", label: str) -> None:
        if self._as_json:
            file.write(f"{self._separator}\n  {json.dumps(finding.as_json())}")
            self._separator = ","
        else:
            text = f"{label}{finding}\n"
            file.write(text.encode("utf-8", "backslashreplace").decode())
