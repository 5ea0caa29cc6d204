"""`chittygraph sql`: run one SQL statement that reads, or a command of the sqlite3 shell that does."""

import argparse
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from db.errors import BadRequest, ReadTimeout
from db.sqlite import read_only_sql, shell_commands
from db.sqlite.read_only_sql import QueryResult
from db.sqlite.shell_commands import EXAMPLE
from server.cli import options
from server.cli.output import messages, row_output

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "sql",
        "run one read-only SQL statement on the database",
        details=f"Of the sqlite3 shell it knows {', '.join(shell_commands.COMMANDS)}.",
        examples=(
            'sql "select name, status from contexts limit 5"',
            "sql --file query.sql --format json",
            "sql .schema contexts",
        ),
    )
    parser.add_argument(
        "statement",
        nargs="*",
        metavar="STATEMENT",
        help="One statement in quotes that only reads, - for stdin, or .tables and the like.",
    )
    parser.add_argument(
        "--file", type=Path, metavar="FILE", help="Read the statement from this file."
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
    if usage_error := _usage_error(args):
        return messages.error(usage_error, messages.USAGE_ERROR)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # characters that the terminal lacks
    try:
        _print(args, _text(args))
    except UnicodeDecodeError:
        return _error("the statement is not UTF-8")
    except BadRequest as error:
        return _error(f"{error}{_hint(error, args.statement)}")
    except ReadTimeout as error:
        return _error(f"{error} with --read-seconds")
    return 0


def _usage_error(args: argparse.Namespace) -> str | None:
    if args.file is not None and args.statement:
        return "give a statement or --file, not both"
    if args.file is None and not args.statement:
        return f"give a statement, such as {EXAMPLE}, or --file FILE"
    if len(args.statement) > 1 and not args.statement[0].startswith("."):
        return f"put the whole statement in quotes, as {EXAMPLE}"
    return None


def _text(args: argparse.Namespace) -> str:
    if args.file is not None:
        return str(args.file.read_bytes().decode("utf-8-sig"))
    if args.statement == ["-"]:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    return " ".join(args.statement)


def _print(args: argparse.Namespace, text: str) -> None:
    settings = options.settings_of(args)
    path, seconds = settings.database_path, settings.read_seconds
    format_rows = row_output.FORMATS[args.format or ("table" if sys.stdout.isatty() else "csv")]
    if shell_commands.is_command(text):
        command = shell_commands.parse(text)
        bind = {"pattern": command.pattern}
        with read_only_sql.query(path, command.sql, seconds=seconds, bind=bind) as answer:
            _write(format_rows(answer.columns, answer.rows()) if args.format else _plain(answer))
        return
    with read_only_sql.query(path, text, seconds=seconds) as answer:
        _write(format_rows(answer.columns, answer.rows()))


def _write(lines: Iterator[str]) -> None:
    for line in lines:
        print(line)


def _plain(answer: QueryResult) -> Iterator[str]:
    """As the shell prints them: the text of each row, whole and without a header."""
    for (text,) in answer.rows():
        yield str(text)


def _hint(error: BadRequest, words: list[str]) -> str:
    """What may have been meant by a statement that is only a name."""
    word = "".join(words)
    if "syntax error" not in str(error) or re.search(r"[\s;(]", word):
        return ""
    if Path(word).is_file() or word.endswith(".sql"):
        return f"; to run what is in that file, use --file {word}"
    if re.fullmatch(r"\w+", word):
        rows = shell_commands.ROWS.format(table=word)
        return f"; to see the rows of a table, {rows}; .tables lists the tables"
    return f"; give a statement, such as {EXAMPLE}, or --file FILE"


def _error(message: object) -> int:
    sys.stdout.flush()  # the rows that were read come before the error
    return messages.error(message)
