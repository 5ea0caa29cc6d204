"""Whether whoever writes is still who it was when its request began, asked in the write's transaction.

A request may wait long between the look at its credential and its write: for the rest of its body, for
a ChittyID, for other writes. Meanwhile its actor may have been suspended, by itself too, or its key
revoked.
"""

from collections.abc import Callable
from typing import TypeVar

from db.model.tables import ACTORS
from db.program import Program, Statement
from db.security.api_keys import Identity

T = TypeVar("T")

_STANDING = f"""
    SELECT chitty_id, status, capabilities FROM {ACTORS.name}
    WHERE chitty_id = :viewer AND (
        :key_id IS NULL
        OR EXISTS (SELECT 1 FROM api_keys WHERE key_id = :key_id AND revoked_at IS NULL)
    )
"""


def checked(
    program: Program[T], viewer: str, key_id: str | None, check: Callable[[Identity | None], None]
) -> Program[T]:
    """The same Program; `check` is given what the viewer was just before its first statement.

    That is nothing where the API key that it has shown, if it was one, is gone or revoked.

    Raises what `check` raises: whatever was written is then undone.
    """
    batch = next(program)
    standing, *found = yield [Statement(_STANDING, {"viewer": viewer, "key_id": key_id}), *batch]
    check(Identity(*map(str, standing[0])) if standing else None)
    try:
        while True:
            found = yield program.send(found)
    except StopIteration as stop:
        result: T = stop.value
        return result
