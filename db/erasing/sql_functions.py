"""SQL functions that look for a person's texts, and replace them, in the statements of one connection."""

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from db.erasing.redaction import Redaction

# They take BLOBs, since Python cannot read a text that is not UTF-8.
MAY_MENTION = "may_mention(CAST({text} AS BLOB))"
MENTIONS = "(typeof({value}) IN ('text', 'blob') AND mentions(CAST({value} AS BLOB)))"
ERASED = "CAST(erased(CAST({text} AS BLOB)) AS TEXT)"
NUMBERED = "{text} || ' (' || next_number() || ')'"


@contextmanager
def defined(connection: sqlite3.Connection, redaction: Redaction) -> Iterator[None]:
    """Define the functions; what a signal raises within one of them ends the block as it is."""
    raised: list[BaseException] = []

    numbers = itertools.count(2)

    def define(name: str, function: Callable[..., Any], arguments: int = 1) -> None:
        def call(*values: Any) -> Any:
            try:
                return function(*values)
            except BaseException as error:  # SQLite would only report that a function failed
                raised.append(error)
                raise

        connection.create_function(name, arguments, call)

    define("may_mention", redaction.may_mention)
    define("mentions", redaction.mentions)
    define("erased", redaction.applied)
    define("next_number", lambda: next(numbers), 0)
    try:
        yield
    except sqlite3.OperationalError as error:
        if raised:
            raise raised[0] from error
        raise
