"""`chittygraph export`: the registry's rows as text, on stdout or in a file."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from db.sqlite import new_files
from db.transfer.layout import BY_TYPE
from server.cli import options, stopping
from server.cli.complaints import MISUSED, MOST_SHOWN, complain
from server.files.progress import Progress

if TYPE_CHECKING:
    from server.cli.options import Commands
    from server.files.exporting import Export


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(commands, "export", "write the rows of the registry as text")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument(
        "--jsonl",
        action="store_const",
        const="jsonl",
        dest="format",
        help="One JSON object per line.",
    )
    how.add_argument(
        "--csv", action="store_const", const="csv", dest="format", help="A header, then the rows."
    )
    how.add_argument(
        "--sql", action="store_const", const="sql", dest="format", help="SQL of the whole database."
    )
    parser.add_argument(
        "type",
        nargs="?",
        choices=list(BY_TYPE),
        metavar="TYPE",
        help=f"Only these rows: {', '.join(BY_TYPE)}.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="Where to write; it appears whole or not at all.",
    )
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export; 1 when a row cannot be expressed. Raises BootRefused or OSError."""
    from server.files import exporting

    if args.format == "csv" and args.type is None:
        return complain(f"CSV holds one type: name one of {', '.join(BY_TYPE)}", MISUSED)
    if args.format == "sql" and args.type is not None:
        return complain("--sql writes the whole database: leave the type out", MISUSED)
    database = options.settings_of(args).database_path
    if args.output is not None and args.output.resolve() == database.resolve():
        return complain(f"--output names {database} itself: name another file", MISUSED)
    if args.output is not None and args.output.is_dir():
        return complain(f"{args.output} is a folder: name a file in it")
    with Progress() as progress:
        export = exporting.Export(database, args.format, args.type, progress)
        if args.output is None:
            sys.stdout.buffer.writelines(export.texts())
            sys.stdout.buffer.flush()
        else:
            _write_file(args.output, export)
    return _left_out(export.problems) if export.problems else 0


def _write_file(output: Path, export: "Export") -> None:
    """Write aside, and give the file its name only when it is whole."""
    with new_files.aside(output) as new:
        with new.open("wb") as file:
            file.writelines(export.texts())
        if not export.problems:
            stopping.ignore()  # the exit code says whether the file is there
            new_files.publish(new, output)


def _left_out(problems: list[str]) -> int:
    for problem in problems[:MOST_SHOWN]:
        print(problem, file=sys.stderr)
    rows = "1 row holds" if len(problems) == 1 else f"{len(problems):,} rows hold"
    return complain(
        f"{rows} what this format cannot express, so the export is not whole:"
        " `chittygraph check --fix` mends such rows, and --sql keeps them as they are"
    )
