"""SQL fragments that the conditional statements of mutations share.

A mutation is one batch: statements that write only if the preconditions allow it, and a SELECT for why
nothing was written. The fragments use the binds `:chitty_id`, `:now` and `:if_updated_at`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from db.errors import ErrorCode, Problem, Refused
from db.model import instants
from db.model.enums import SourceType
from db.model.instants import LATER
from db.model.tables import TABLES, Table
from db.program import Program, Rows, Statement, Value, Values
from db.security.revalidation import STILL_AUTHORIZED
from db.security.row_security import by_key, changeable, known, returned

R = TypeVar("R")


def chitty_id_taken(bind: str) -> str:
    conditions = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table.name} AS other WHERE other.chitty_id = :{bind})"
        for table in TABLES
        if "chitty_id" in table.columns
    )
    return f"({conditions})"


ID_TAKEN = chitty_id_taken("chitty_id")

# SQL: the row has not changed since `:if_updated_at`.
UNCHANGED = f"""(
        :if_updated_at IS NULL
        OR updated_at = :if_updated_at
        OR coalesce({instants.as_instant("updated_at")} = :if_updated_at, FALSE)
    )"""


# Most values are of these types; `stored` takes longer to find that out. A subclass is not among them.
STORED_AS_THEY_ARE = frozenset({str, int, float, bytes, type(None)})
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def stored(value: Any) -> Value:
    """A validated value as its column stores it: an enum's value, a bool as 0 or 1, JSON as text."""
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
    return {
        name: value if type(value) in STORED_AS_THEY_ARE else stored(value)
        for name, value in values.items()
    }


def new_row(table: Table[Any], values: Mapping[str, Any]) -> dict[str, Value]:
    """Named parameters for a new row; NULL for columns without a value."""
    return dict.fromkeys(table.columns) | binds(values)


def insert(table: Table[Any], condition: str) -> str:
    values = ", ".join(f":{name}" for name in table.columns)
    return f"""
        INSERT INTO {table.name} ({", ".join(table.columns)})
        SELECT {values}
        WHERE {STILL_AUTHORIZED} AND {condition}
    """


def update(table: Table[Any], changes: str, condition: str, allowed: str | None = None) -> str:
    """SQL that changes the row with the bound key if `condition` holds, and increases `updated_at`."""
    # `allowed` is SQL for the rows that the viewer may change, by default `changeable`.
    allowed = changeable(table, table.name) if allowed is None else allowed
    return f"""
        UPDATE {table.name}
        SET {f"{changes}, " if changes else ""}updated_at = {LATER}
        WHERE {table.key} = :{table.key} AND {allowed} AND {STILL_AUTHORIZED} AND {condition}
    """


def returning_row(table: Table[Any], sql: str, bind: Mapping[str, Value]) -> Statement:
    returning, of = _written_row(table)
    return Statement(sql, bind, returning=returning, of=of)


@cache
def _written_row(table: Table[Any]) -> tuple[str, str]:
    return returned(table), f"{table.name} WHERE {table.name}.{table.key} = :{table.key}"


def assignments(table: Table[Any], names: Iterable[str]) -> str:
    """What follows SET; raises KeyError for an unknown column."""
    return ", ".join(f"{table.columns[name].name} = :{name}" for name in names)


def differs(table: Table[Any], names: Iterable[str]) -> str:
    """SQL: setting these columns would change the row. FALSE if there are none."""
    # A value that the viewer may not see counts as different: else setting it would reveal it.
    parts = [f"{known(table, name)} IS NOT :{name}" for name in names]
    return f"({' OR '.join(parts)})" if parts else "FALSE"


def disconnect_all(source: SourceType, condition: str) -> str:
    # The condition is decided before any row is looked at: to skip the rows of another's source one by one
    # would tell how many there are.
    return f"""
        UPDATE connections
        SET status = 'disconnected', disconnected_at = :now, updated_at = {LATER}
        WHERE source_chitty_id = CASE WHEN {STILL_AUTHORIZED} AND {condition} THEN :chitty_id END
          AND source_type = '{source.value}' AND status <> 'disconnected'
    """


def why_not_written(table: Table[Any], *questions: str, allowed: str | None = None) -> str:
    """SQL for `check_row`: the row, if the viewer sees it, and why nothing was written."""
    # That is: whether the viewer may change the row (as for `update`), whether it is UNCHANGED, and
    # each question, an SQL expression over the row.
    allowed = changeable(table, table.name) if allowed is None else allowed
    answers = ", ".join(
        f"{question} AS answer_{n}" for n, question in enumerate((allowed, UNCHANGED, *questions))
    )
    return f"""
        SELECT {table.select_list(table.name)}, {answers}
        FROM {by_key(table, table.name, f":{table.key}")}
    """


def check_row(table: Table[R], key: Value, rows: Rows) -> tuple[R, Values]:
    """The row of `why_not_written` and the answers; raises Refused if it is missing, read-only or changed."""
    thing = table.row.__name__.lower()
    if not rows:
        raise refusal(ErrorCode.NOT_FOUND, table.key, f"there is no {thing} {key!s}")
    width = len(table.columns)
    row, (allowed, unchanged, *answers) = table.of(rows[0][:width]), rows[0][width:]
    if not allowed:
        raise refusal(ErrorCode.FORBIDDEN, table.key, f"{thing} {key!s} is not yours to change")
    if not unchanged:
        changed = f"{key!s} has changed since then: read it again, then repeat the change"
        raise refusal(ErrorCode.CONFLICT, "if_updated_at", changed)
    return row, tuple(answers)


def write_or_explain(
    table: Table[R], writes: Sequence[str], explanation: str, bind: Mapping[str, Value]
) -> Program[tuple[R, Values | None]]:
    """Run one batch: `writes`, the row itself last, then `explanation`; raises Refused like `check_row`."""
    *others, own = writes
    *_, written, rows = yield [
        *[Statement(sql, bind) for sql in others],
        returning_row(table, own, bind),
        Statement(explanation, bind, explains=True),
    ]
    return written_or_explained(table, bind[table.key], written, rows)


def written_or_explained(
    table: Table[R], key: Value, written: Rows, explained: Rows
) -> tuple[R, Values | None]:
    """The new row and None, or the unchanged row and the answers of `why_not_written`; see `check_row`."""
    return (table.of(written[0]), None) if written else check_row(table, key, explained)


def reference(chitty_id: str, if_updated_at: str | None = None) -> dict[str, Value]:
    return {"chitty_id": chitty_id, "if_updated_at": if_updated_at, "now": instants.now()}


def id_taken_problem(chitty_id: str) -> Problem:
    message = f"the ChittyID {chitty_id} is already in use: leave it out to have one minted"
    return Problem(ErrorCode.ALREADY_EXISTS, ("chitty_id",), message)


def refusal(code: ErrorCode, field: str, message: str) -> Refused:
    return Refused([Problem(code, (field,), message)])
