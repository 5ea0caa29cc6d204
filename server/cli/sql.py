"""`chittygraph sql`: run one SQL statement that reads."""

import argparse
import io
import sys
from typing import TYPE_CHECKING

from db.errors import BadRequest, ReadTimeout
from db.sqlite import read_only_sql
from server.cli import messages, options, row_output

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "sql",
        "run one read-only SQL statement on the database",
        examples=(
            'sql "select name, status from contexts limit 5"',
            "sql --format json - < query.sql",
        ),
    )
    parser.add_argument(
        "statement", metavar="STATEMENT", help="One statement that only reads; - for stdin."
    )
    parser.add_argument(
        "--format",
        choices=tuple(row_output.FORMATS),
        help="Output format. Default: table on a terminal, csv elsewhere.",
    )
    options.add_settings(parser, {"database", "read_seconds"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print rows as they are read; raises BootRefused."""
    settings = options.settings_of(args)
    format_rows = row_output.FORMATS[args.format or ("table" if sys.stdout.isatty() else "csv")]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # characters that the terminal lacks
    try:
        sql = _statement(args.statement)
        limit = settings.read_seconds
        with read_only_sql.query(settings.database_path, sql, seconds=limit) as answer:
            for line in format_rows(answer.columns, answer.rows()):
                print(line)
    except UnicodeDecodeError:
        return _error("the statement is not UTF-8")
    except BadRequest as error:
        return _error(error)
    except ReadTimeout as error:
        return _error(f"{error} with --read-seconds")
    return 0


def _statement(argument: str) -> str:
    return sys.stdin.buffer.read().decode("utf-8") if argument == "-" else argument


def _error(message: object) -> int:
    sys.stdout.flush()  # the rows that were read come before the error
    return messages.error(message)
