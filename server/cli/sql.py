"""`chittygraph sql`: ask the database one thing in SQL; nothing is changed."""

import argparse
import io
import sys
from typing import TYPE_CHECKING

from db.errors import BadRequest, ReadTimeout
from db.sqlite import read_only_sql
from server.cli import options, row_output
from server.cli.complaints import complain

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(
        commands, "sql", "ask the database one thing in SQL; it reads and changes nothing"
    )
    parser.add_argument("statement", help="One statement that only reads; - for stdin.")
    parser.add_argument(
        "--format",
        choices=tuple(row_output.FORMATS),
        help="How rows are printed. Default: table on a terminal, csv elsewhere.",
    )
    options.add_settings(parser, {"database", "read_seconds"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what the statement finds, as it is found; raises BootRefused."""
    settings = options.settings_of(args)
    printed = row_output.FORMATS[args.format or ("table" if sys.stdout.isatty() else "csv")]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what the terminal has no character for
    try:
        sql = _statement(args.statement)
        limit = settings.read_seconds
        with read_only_sql.answered(settings.database_path, sql, seconds=limit) as answer:
            for line in printed(answer.columns, answer.rows()):
                print(line)
    except UnicodeDecodeError:
        return _complain("the statement is not a text in UTF-8")
    except BadRequest as refused:
        return _complain(refused)
    except ReadTimeout as late:
        return _complain(f"{late} with --read-seconds")
    return 0


def _statement(given: str) -> str:
    return sys.stdin.buffer.read().decode("utf-8") if given == "-" else given


def _complain(message: object) -> int:
    sys.stdout.flush()  # the rows that were found come before what ended them
    return complain(message)
