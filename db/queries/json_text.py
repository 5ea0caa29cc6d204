"""JSON text of canonical rows, which SQLite writes itself.

A row is non-canonical if a column holds another form than its type's canonical one: only Python can repair or
refuse it. A partial index (migration 0013) tells at once whether a table has such rows.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from db.model import column_types, instants
from db.model.column_types import INT32_MAX, ColumnType
from db.model.tables import Column, Table

Member: TypeAlias = tuple[str, Column | str]
"""A member of an object: its name, and a column or a fixed text for its value."""

# json_object takes two arguments per member, and older versions of SQLite allow 127 arguments.
MOST_MEMBERS = 63

# The bounds exclude year 0, which Python does not have, and the word "now", which SQLite refuses in an
# index. Without a modifier, SQLite accepts 30 February. COLLATE: in a table that another program made,
# `z` may equal `Z`.
_INSTANT = (
    "CASE WHEN {column} BETWEEN '0001' AND 'A' THEN "
    + instants.as_instant("{column}", "'+0 days'")
    + " END = {column} COLLATE BINARY"
)
_CANONICAL: dict[ColumnType, str] = {
    column_types.TEXT: "typeof({column}) = 'text'",
    column_types.CHITTY_ID: "typeof({column}) = 'text'",
    column_types.INT: "typeof({column}) = 'integer'"
    f" AND {{column}} BETWEEN {-INT32_MAX - 1} AND {INT32_MAX}",
    column_types.BIG_INT: "typeof({column}) = 'integer'",
    column_types.INSTANT: _INSTANT,
}


def non_canonical(table: Table[Any]) -> str:
    """SQL for a non-canonical row, in exactly the words of the partial index."""
    return f"({' AND '.join(canonical_conditions(table))}) IS NOT TRUE"


def canonical_conditions(table: Table[Any]) -> list[str]:
    return [sql for sql in map(_canonical, table.columns.values()) if sql]


def _canonical(column: Column) -> str:
    if column.type.names:
        values = ", ".join(map(_literal, column.type.names))
        canonical = f"{column.name} COLLATE BINARY IN ({values})"
    elif column.type in _CANONICAL:
        canonical = _CANONICAL[column.type].format(column=column.name)
    else:
        return ""
    return f"({column.name} IS NULL OR {canonical})" if column.nullable else canonical


def has_json_text(members: Sequence[Member]) -> bool:
    return len(members) <= MOST_MEMBERS and all(
        isinstance(value, str) or value.type.names or value.type in _CANONICAL
        for _, value in members
    )


def object_text(members: Sequence[Member], row: str) -> str:
    pairs = (f"{_literal(name)}, {_value(value, row)}" for name, value in members)
    return f"json_object({', '.join(pairs)})"


def _value(value: Column | str, row: str) -> str:
    if isinstance(value, str):
        return _literal(value)
    stored = f"{row}.{value.name}"
    if value.private is not None and value.private.hidden is not None:
        return f"nullif({stored}, {_literal(str(value.private.hidden))})"
    if value.type is column_types.BIG_INT:
        return f"CAST({stored} AS TEXT)"
    if not value.type.names:
        return stored
    names = value.type.names.items()
    cases = (f"WHEN {_literal(each)} THEN {_literal(name)}" for each, name in names)
    return f"CASE {stored} {' '.join(cases)} END"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
