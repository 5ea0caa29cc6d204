"""Whether whoever writes is still who it was when its request began, asked in the write's transaction.

A request may wait long between the look at its credential and its write: for the rest of its body, for
a ChittyID, for other writes. Meanwhile its actor may have been suspended, by itself too.
"""

from collections.abc import Callable
from typing import TypeVar

from db.api_keys import Identity
from db.program import Program, Statement
from db.tables import ACTORS

T = TypeVar("T")

_STANDING = f"""
    SELECT chitty_id, status, capabilities FROM {ACTORS.name} WHERE chitty_id = :viewer
"""


def checked(
    program: Program[T], viewer: str, check: Callable[[Identity | None], None]
) -> Program[T]:
    """The same Program; `check` is given what the viewer was just before its first statement.

    Raises what `check` raises: whatever was written is then undone.
    """
    batch = next(program)
    standing, *found = yield [Statement(_STANDING, {"viewer": viewer}), *batch]
    check(Identity(*map(str, standing[0])) if standing else None)
    try:
        while True:
            found = yield program.send(found)
    except StopIteration as stop:
        result: T = stop.value
        return result
