"""What the conditional statements of mutations share: fragments of SQL, and answers to "why not?".

A mutation is one batch: statements that write only where the rules allow, and one that asks what
stood in the way. The fragments read the binds `:chitty_id`, `:now` and `:if_updated_at`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

from db.errors import ErrorCode, Problem, Refused
from db.model import instants
from db.model.enums import SourceType
from db.model.instants import LATER
from db.model.tables import TABLES, Table
from db.program import Program, Rows, Statement, Value, Values
from db.security.revalidation import STILL_AUTHORIZED
from db.security.row_security import changeable, known, returned

R = TypeVar("R")


def taken(bind: str) -> str:
    """SQL for whether any table that keeps ChittyIDs has the one bound by this name.

    They are unique over all of them.
    """
    found = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table.name} AS other WHERE other.chitty_id = :{bind})"
        for table in TABLES
        if "chitty_id" in table.columns
    )
    return f"({found})"


ID_TAKEN = taken("chitty_id")

# Of the row that a statement is about.
UNCHANGED = f"""(
        :if_updated_at IS NULL
        OR updated_at = :if_updated_at
        OR coalesce({instants.as_instant("updated_at")} = :if_updated_at, FALSE)
    )"""


_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def stored(value: Any) -> Value:
    """A cleaned value as its column stores it: an enum's value, a bool as 0 or 1, JSON as text."""
    if isinstance(value, Enum):
        return stored(value.value)
    if isinstance(value, list | dict):
        return _to_json(value)
    if isinstance(value, bool):
        return int(value)
    if value is None or isinstance(value, str | int | float | bytes):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be stored")


def binds(values: Mapping[str, Any]) -> dict[str, Value]:
    """The named parameters for these values, each in its stored form."""
    return {name: stored(value) for name, value in values.items()}


def new_row(table: Table[Any], values: Mapping[str, Any]) -> dict[str, Value]:
    """The binds of a whole new row: NULL in the columns that are not among the values."""
    return dict.fromkeys(table.columns) | binds(values)


def insert(table: Table[Any], condition: str) -> str:
    """The statement that stores a row, bound by column names, where `condition` holds."""
    values = ", ".join(f":{name}" for name in table.columns)
    return f"""
        INSERT INTO {table.name} ({", ".join(table.columns)})
        SELECT {values}
        WHERE {STILL_AUTHORIZED} AND {condition}
    """


def update(table: Table[Any], changes: str, condition: str, may: str | None = None) -> str:
    """The statement that changes the row with the bound key where `condition` holds.

    `updated_at` grows with it. `may` is which rows the viewer may change so, unless it is the usual.
    """
    allowed = changeable(table, table.name) if may is None else may
    return f"""
        UPDATE {table.name}
        SET {f"{changes}, " if changes else ""}updated_at = {LATER}
        WHERE {table.key} = :{table.key} AND {allowed} AND {STILL_AUTHORIZED} AND {condition}
    """


def returning_row(table: Table[Any], sql: str, bind: Mapping[str, Value]) -> Statement:
    """The statement with this text, which writes the row with the bound key and returns it."""
    of = f"{table.name} WHERE {table.name}.{table.key} = :{table.key}"
    return Statement(sql, bind, returning=returned(table), of=of)


def assignments(table: Table[Any], names: Iterable[str]) -> str:
    """What follows SET for these columns, bound by their names; KeyError for one that is none."""
    return ", ".join(f"{table.columns[name].name} = :{name}" for name in names)


def differs(table: Table[Any], names: Iterable[str]) -> str:
    """True of a row that would be changed by setting these columns; never, when there are none.

    What the viewer may not know counts as another value: it would find out by setting the same.
    """
    parts = [f"{known(table, name)} IS NOT :{name}" for name in names]
    return f"({' OR '.join(parts)})" if parts else "FALSE"


def disconnect_all(source: SourceType, condition: str) -> str:
    """The statement that disconnects what `:chitty_id` has open, where `condition` holds."""
    return f"""
        UPDATE connections
        SET status = 'disconnected', disconnected_at = :now, updated_at = {LATER}
        WHERE source_chitty_id = :chitty_id AND source_type = '{source.value}'
          AND status <> 'disconnected' AND {STILL_AUTHORIZED} AND {condition}
    """


def why(table: Table[Any], *questions: str, may: str | None = None) -> str:
    """The statement that asks why nothing was written.

    It finds the row as it is, if the viewer sees it, whether it may be changed (as for `update`) and is
    UNCHANGED, then what each of the questions (SQL expressions over the row) comes to. `standing`
    reads it.
    """
    allowed = changeable(table, table.name) if may is None else may
    asked = ", ".join(
        f"{question} AS answer_{n}" for n, question in enumerate((allowed, UNCHANGED, *questions))
    )
    return f"""
        SELECT {table.select_list(table.name)}, {asked}
        FROM {table.seen} AS {table.name}
        WHERE {table.key} = :{table.key}
    """


def standing(table: Table[R], key: Value, found: Rows) -> tuple[R, Values]:
    """The row that `why` found and the answers to its questions.

    Raises Refused when there is no such row, when it is not the viewer's to change, and when it has
    changed since `if_updated_at`.
    """
    thing = table.row.__name__.lower()
    if not found:
        raise refused(ErrorCode.NOT_FOUND, table.key, f"there is no {thing} {key!s}")
    width = len(table.columns)
    row, (allowed, unchanged, *answers) = table.of(found[0][:width]), found[0][width:]
    if not allowed:
        raise refused(ErrorCode.FORBIDDEN, table.key, f"{thing} {key!s} is not yours to change")
    if not unchanged:
        moved = f"{key!s} has changed since then: read it again, then repeat the change"
        raise refused(ErrorCode.CONFLICT, "if_updated_at", moved)
    return row, tuple(answers)


def attempt(
    table: Table[R], writes: Sequence[str], asking: str, bind: Mapping[str, Value]
) -> Program[tuple[R, Values | None]]:
    """One batch: writing statements, the row's own last, then the one that asks why not.

    Returns the new row and None, or the row as it is and the answers; raises Refused as `standing` does.
    """
    *others, own = writes
    *_, written, found = yield [
        *[Statement(sql, bind) for sql in others],
        returning_row(table, own, bind),
        Statement(asking, bind),
    ]
    if written:
        return table.of(written[0]), None
    return standing(table, bind[table.key], found)


def reference(chitty_id: str, if_updated_at: str | None = None) -> dict[str, Value]:
    """The binds that the fragments read, for the row with this ChittyID and the present instant."""
    return {"chitty_id": chitty_id, "if_updated_at": if_updated_at, "now": instants.now()}


def id_taken(chitty_id: str) -> Problem:
    """The problem with a new row's ChittyID that another actor, context or installation has."""
    message = (
        f"{chitty_id} is the ChittyID of something else already: leave it out to have one minted"
    )
    return Problem(ErrorCode.ALREADY_EXISTS, ("chitty_id",), message)


def refused(code: ErrorCode, field: str, message: str) -> Refused:
    """The refusal for a single reason, at this input field."""
    return Refused([Problem(code, (field,), message)])
