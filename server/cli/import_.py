"""`chittygraph import`: rows out of a file into the registry, all of them or none."""

import argparse
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from db.transfer.layout import BY_TYPE
from server.cli import options
from server.cli.complaints import MISUSED, MOST_SHOWN, complain
from server.files.progress import Progress

if TYPE_CHECKING:
    from db.transfer.imports import Counted
    from db.transfer.staging import Staging
    from server.cli.options import Commands
    from server.files.importing import Wanted

ENDINGS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
FORMATS = tuple(dict.fromkeys(ENDINGS.values()))


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(
        commands, "import", "add the rows of a JSON Lines or CSV file, all of them or none"
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="*.jsonl, *.ndjson or *.csv; - for stdin."
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="What the file is, where its name does not say."
    )
    parser.add_argument(
        "--type", choices=list(BY_TYPE), help="What its rows are; a JSON line may say so itself."
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="Let rows replace those with the same key. What a line does not name stays as it is.",
    )
    parser.add_argument(
        "--as-stored",
        action="store_true",
        help="Take values that no mutation would, such as odd e-mail addresses, where the API can"
        " express them: for bringing back what another program once stored.",
    )
    parser.add_argument("--dry-run", action="store_true", help="Check everything, write nothing.")
    parser.add_argument(
        "--rejects", type=Path, metavar="FILE", help="Write every rejected line's reasons there."
    )
    options.add_settings(parser, {"database", "min_free_mb"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Import; 1, and nothing written, when any row is rejected. Raises BootRefused, Unavailable."""
    from server.files import importing
    from server.files.text_files import FileRefused

    wanted, misuse = _wanted(args)
    if misuse:
        return complain(misuse, MISUSED)
    settings = options.settings_of(args)
    if args.rejects is not None:
        if args.rejects.resolve() in (args.file.resolve(), settings.database_path.resolve()):
            return complain(f"--rejects names {args.rejects}: name a file of its own", MISUSED)
        args.rejects.touch()  # a file that cannot be made is found out before anything is written
    try:
        with (
            Progress() as progress,
            importing.imported(
                settings.database_path,
                wanted,
                min_free_bytes=settings.min_free_mb * 2**20,
                progress=progress,
            ) as (staged, counted),
        ):
            progress.wipe()
            return _told(wanted, staged, counted, args.rejects)
    except FileRefused as refused:
        return complain(str(refused))


def _wanted(args: argparse.Namespace) -> "tuple[Wanted, str | None]":
    """What is asked for, and what is wrong with asking so, if anything."""
    from server.files.importing import Wanted

    format_ = args.format or ENDINGS.get(args.file.suffix.lower())
    misuse = None
    if format_ is None:
        hint = "say with --format jsonl or csv what it is"
        if args.file.suffix.lower() in (".sql", ".db", ".sqlite"):
            hint = "`chittygraph restore` takes databases and SQL dumps"
        name = "stdin" if str(args.file) == "-" else args.file
        misuse = f"{name} is not named *.jsonl or *.csv: {hint}"
    elif format_ == "csv" and args.type is None:
        misuse = f"CSV does not say what its rows are: add --type, one of {', '.join(BY_TYPE)}"
    wanted = Wanted(
        file=args.file,
        format=format_ or "",
        type=args.type,
        update=args.update,
        as_stored=args.as_stored,
        dry_run=args.dry_run,
    )
    return wanted, misuse


def _told(
    wanted: "Wanted", staged: "Staging", counted: "list[Counted]", rejects: Path | None
) -> int:
    if rejects is not None:
        with rejects.open("w", encoding="utf-8") as file:
            file.writelines(f"line {line}: {reason}\n" for line, reason in staged.rejects())
    rejected = staged.rejected_lines()
    if rejected:
        return _refuse(wanted, staged, rejected, rejects)
    found = [each for each in counted if each.added + each.changed + each.same]
    if not found:
        print(f"{wanted.file} holds no rows, so there was nothing to import")
        return 0
    print(f"{wanted.file} {'could be' if wanted.dry_run else 'was'} imported")
    for each in found:
        print(
            f"{each.added:9,} {each.type} added, {each.changed:,} changed,"
            f" {each.same:,} there already"
        )
    return 0


def _refuse(wanted: "Wanted", staged: "Staging", rejected: int, rejects: Path | None) -> int:
    for line, reason in itertools.islice(staged.rejects(), MOST_SHOWN):
        print(f"line {line}: {reason}", file=sys.stderr)
    where = f"; every reason is in {rejects}" if rejects else ""
    if rejected > MOST_SHOWN and not rejects:
        where = f"; the first {MOST_SHOWN} reasons are above, --rejects FILE writes them all"
    lines = "1 line was" if rejected == 1 else f"{rejected:,} lines were"
    return complain(f"{lines} rejected, so nothing of {wanted.file} was imported{where}")
