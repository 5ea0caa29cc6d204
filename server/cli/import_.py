"""`chittygraph import`: add the rows of a file to the registry, all or none."""

import argparse
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from db.sqlite import new_files
from db.transfer.layout import BY_TYPE
from server.cli import options
from server.cli.output import messages
from server.files.progress import Progress

if TYPE_CHECKING:
    from db.transfer.imports import RowCounts
    from db.transfer.staging import Staging
    from server.cli.options import Commands
    from server.files.importing import ImportRequest

SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "import",
        "add the rows of a JSON Lines or CSV file, all or none",
        examples=(
            "import registry.jsonl",
            "import actors.csv --type actors --dry-run",
            "import registry.jsonl --update",
        ),
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="*.jsonl, *.ndjson or *.csv; - for stdin."
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="Format of the file, if its name does not tell."
    )
    parser.add_argument(
        "--type",
        choices=list(BY_TYPE),
        metavar="TYPE",
        help=f"Type of its rows ({', '.join(BY_TYPE)}); JSON lines may name their own.",
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="Update rows that have the same key. Fields that a line lacks stay as they are.",
    )
    parser.add_argument(
        "--as-stored",
        action="store_true",
        help="Accept values that mutations would refuse, such as unusual e-mail addresses, if the API can"
        " express them: to import an export of rows that another program once stored.",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="Check everything, but write nothing."
    )
    parser.add_argument(
        "--rejects",
        type=Path,
        metavar="FILE",
        help="Write the reasons of every rejected line to this file.",
    )
    options.add_settings(parser, {"database", "min_free_mb"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Import; 1, and nothing written, if any row is rejected. Raises BootRefused, Unavailable."""
    from server.files import importing
    from server.files.text_files import FileRefused

    request, usage_error = _request(args)
    if usage_error:
        return messages.error(usage_error, messages.USAGE_ERROR)
    settings = options.settings_of(args)
    if args.rejects is not None:
        used = (args.file, settings.database_path)
        if any(new_files.is_same(args.rejects, each) for each in used):
            return messages.error(
                f"--rejects is {args.rejects}, which is in use: name a file of its own",
                messages.USAGE_ERROR,
            )
        args.rejects.touch()  # if that fails, it must fail before anything is written
    try:
        with (
            Progress() as progress,
            importing.run_import(
                settings.database_path,
                request,
                min_free_bytes=settings.min_free_mb * 2**20,
                progress=progress,
            ) as (staged, counted),
        ):
            progress.clear()
            return _report(request, staged, counted, args.rejects)
    except FileRefused as refused:
        return messages.error(refused)


def _request(args: argparse.Namespace) -> "tuple[ImportRequest, str | None]":
    """What to import, and what is wrong with the usage, if anything."""
    from server.files.importing import ImportRequest

    format_ = args.format or SUFFIXES.get(args.file.suffix.lower())
    usage_error = None
    if format_ is None:
        hint = "add --format jsonl or --format csv"
        if args.file.suffix.lower() in (".sql", ".db", ".sqlite"):
            hint = "`chittygraph restore` takes databases and SQL dumps"
        name = "stdin" if str(args.file) == "-" else args.file
        usage_error = f"{name} is not named *.jsonl or *.csv: {hint}"
    elif format_ == "csv" and args.type is None:
        usage_error = (
            f"CSV does not tell the type of its rows: add --type, one of {', '.join(BY_TYPE)}"
        )
    request = ImportRequest(
        file=args.file,
        format=format_ or "",
        type=args.type,
        update=args.update,
        as_stored=args.as_stored,
        dry_run=args.dry_run,
    )
    return request, usage_error


def _report(
    request: "ImportRequest", staged: "Staging", counted: "list[RowCounts]", rejects: Path | None
) -> int:
    if rejects is not None:
        with rejects.open("w", encoding="utf-8") as file:
            file.writelines(f"line {line}: {reason}\n" for line, reason in staged.rejects())
    rejected = staged.rejected_lines()
    if rejected:
        return _report_rejected(request, staged, rejected, rejects)
    counts = [each for each in counted if each.added + each.changed + each.same]
    if not counts:
        print(f"{request.file} holds no rows, so there was nothing to import")
        return 0
    print(f"{request.file} {'could be' if request.dry_run else 'was'} imported")
    for each in counts:
        print(
            f"{each.added:9,} {each.type} added, {each.changed:,} changed, {each.same:,} unchanged"
        )
    return 0


def _report_rejected(
    request: "ImportRequest", staged: "Staging", rejected: int, rejects: Path | None
) -> int:
    for line, reason in itertools.islice(staged.rejects(), messages.MAX_ROW_ERRORS):
        print(f"line {line}: {reason}", file=sys.stderr)
    where = f"; every reason is in {rejects}" if rejects else ""
    if rejected > messages.MAX_ROW_ERRORS and not rejects:
        where = (
            f"; the first {messages.MAX_ROW_ERRORS} reasons are above,"
            " --rejects FILE writes them all"
        )
    if not request.as_stored:
        where += "; if it is an export, --as-stored takes its values as they were stored"
    lines = "1 line was" if rejected == 1 else f"{rejected:,} lines were"
    return messages.error(f"{lines} rejected, so nothing of {request.file} was imported{where}")
