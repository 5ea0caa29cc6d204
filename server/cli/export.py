"""`chittygraph export`: write the registry's rows as text, to stdout or a file."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from db.sqlite import new_files
from db.transfer.layout import BY_TYPE
from server.cli import options, signals
from server.cli.output import messages
from server.files.progress import Progress

if TYPE_CHECKING:
    from server.cli.options import Commands
    from server.files.exporting import Export


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "export",
        "write the rows of the registry as JSON Lines, CSV or SQL",
        examples=(
            "export --jsonl --output registry.jsonl",
            "export --csv actors",
            "export --sql --output dump.sql",
        ),
    )
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument(
        "--jsonl",
        action="store_const",
        const="jsonl",
        dest="format",
        help="One JSON object per line.",
    )
    how.add_argument(
        "--csv",
        action="store_const",
        const="csv",
        dest="format",
        help="CSV with a header; needs a TYPE.",
    )
    how.add_argument(
        "--sql",
        action="store_const",
        const="sql",
        dest="format",
        help="SQL that rebuilds the database.",
    )
    parser.add_argument(
        "type",
        nargs="?",
        choices=list(BY_TYPE),
        metavar="TYPE",
        help=f"Export only rows of one type: {', '.join(BY_TYPE)}.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="Write to this file, which appears complete or not at all. Default: stdout.",
    )
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export; 1 if the format cannot express a row. Raises BootRefused or OSError."""
    from server.files import exporting

    if args.format == "csv" and args.type is None:
        return messages.error(
            f"CSV holds one type: name one of {', '.join(BY_TYPE)}", messages.USAGE_ERROR
        )
    if args.format == "sql" and args.type is not None:
        return messages.error(
            "--sql writes the whole database: leave the type out", messages.USAGE_ERROR
        )
    database = options.settings_of(args).database_path
    if args.output is not None and new_files.is_same(args.output, database):
        return messages.error(
            f"--output is {database} itself: name another file", messages.USAGE_ERROR
        )
    if args.output is not None and args.output.is_dir():
        return messages.error(f"{args.output} is a folder: name a file in it")
    with Progress() as progress:
        export = exporting.Export(database, args.format, args.type, progress)
        if args.output is None:
            sys.stdout.buffer.writelines(export.chunks())
            sys.stdout.buffer.flush()
        else:
            _write_file(args.output, export)
    if args.output is not None and not export.problems:
        print(_written(args.output, export, args.format))
    return _report_omitted(export) if export.problems else 0


def _write_file(output: Path, export: "Export") -> None:
    """Write to a temporary file, and rename it once it is complete."""
    with new_files.aside(output) as new:
        with new.open("wb") as file:
            file.writelines(export.chunks())
        if not export.problems:
            signals.ignore()  # the exit code says whether the file is there
            new_files.publish(new, output)


def _written(output: Path, export: "Export", format_: str) -> str:
    rows = f"{export.written:,} {'row' if export.written == 1 else 'rows'}, "
    return f"{output}: {'' if format_ == 'sql' else rows}{output.stat().st_size:,} bytes"


def _report_omitted(export: "Export") -> int:
    for problem in export.problems:
        print(problem, file=sys.stderr)
    rows = "1 row has" if export.left_out == 1 else f"{export.left_out:,} rows have"
    return messages.error(
        f"{rows} values that this format cannot express, so the export is incomplete:"
        " `chittygraph check --fix` repairs such rows, and --sql exports them as they are"
    )
