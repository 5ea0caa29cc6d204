"""Which stored values SQLite can spell as an answer does, and how.

A row is odd when one of these columns holds anything but a plain value of its kind: reading it takes
Python, which mends, refuses or respells it. An index of the odd rows alone (migration 0013), which
whatever writes to the database keeps, tells at once whether a table has any. Lists and objects are
not spelled at all: what is stored is not how an answer writes it.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from db.model import column_types, instants
from db.model.column_types import INT32_MAX, ColumnType
from db.model.tables import Column, Table

Member: TypeAlias = tuple[str, Column | str]
"""A member of an object: its name, and the column or the fixed text that is its value."""

# Older versions of SQLite take no more arguments than these need.
MOST_MEMBERS = 63

# The bounds keep out year 0, which Python does not know, and the word "now", which SQLite refuses to
# see in an index. Only a modifier has it work out the day: else February may have 30. COLLATE: in a
# table that others made, `z` may equal `Z`.
_INSTANT = (
    "CASE WHEN {column} BETWEEN '0001' AND 'A' THEN "
    + instants.as_instant("{column}", "'+0 days'")
    + " END = {column} COLLATE BINARY"
)
_PLAIN: dict[ColumnType, str] = {
    column_types.TEXT: "typeof({column}) = 'text'",
    column_types.CHITTY_ID: "typeof({column}) = 'text'",
    column_types.INT: "typeof({column}) = 'integer'"
    f" AND {{column}} BETWEEN {-INT32_MAX - 1} AND {INT32_MAX}",
    column_types.BIG_INT: "typeof({column}) = 'integer'",
    column_types.INSTANT: _INSTANT,
}


def odd(table: Table[Any]) -> str:
    """SQL: a row of the table is odd. The index of the odd rows is of this very text."""
    plain = " AND ".join(filter(None, map(_plain, table.columns.values())))
    return f"({plain}) IS NOT TRUE"


def _plain(column: Column) -> str:
    if column.type.names:
        values = ", ".join(map(_literal, column.type.names))
        plain = f"{column.name} COLLATE BINARY IN ({values})"
    elif column.type in _PLAIN:
        plain = _PLAIN[column.type].format(column=column.name)
    else:
        return ""
    return f"({column.name} IS NULL OR {plain})" if column.nullable else plain


def can_spell(members: Sequence[Member]) -> bool:
    """Whether SQLite can spell an object of these members, of rows that are not odd."""
    return len(members) <= MOST_MEMBERS and all(
        isinstance(value, str) or value.type.names or value.type in _PLAIN for _, value in members
    )


def spelled(members: Sequence[Member], row: str) -> str:
    """SQL for the JSON text of an object of these members, of a row that is not odd."""
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
