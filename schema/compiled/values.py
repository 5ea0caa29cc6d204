"""How a stored value becomes what the answer says, as an expression of generated code.

The expression tells the ordinary value at a glance and leaves every other to the column's Kind, which
is what the generic road asks: so both say the same, and refuse the same.
"""

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Any

from db import kinds
from db.kinds import INT32_MAX, Kind
from db.program import Value
from db.tables import Column

LISTS_REMEMBERED = 4_096


class Names(dict[Any, str]):
    """The GraphQL names of an enumeration's stored values; raises Unreadable for any other value."""

    def __init__(self, kind: Kind) -> None:
        super().__init__({member.value: member.name for member in kind.python})
        self._kind = kind

    def __missing__(self, stored: Value) -> str:
        """The name of a value that the kind reads all the same."""
        name: str = self._kind.read(stored).name
        return name


def expression(column: Column, stored: str, helpers: dict[str, Any]) -> str:
    """Python for the value of a column whose stored value is the expression `stored`.

    What it calls is put into `helpers`, by name.
    """
    kind, read = column.kind, f"read_{column.name}"
    if isinstance(kind.python, type) and issubclass(kind.python, Enum):
        helpers[read] = Names(kind)
        return f"{read}[{stored}]"
    helpers[read] = _reader(column)
    if kind in (kinds.TEXT, kinds.CHITTY_ID):
        if column.nullable:
            return f"(v if (v := {stored}) is None or v.__class__ is str else {read}(v))"
        return f"(v if (v := {stored}).__class__ is str else {read}(v))"
    if kind is kinds.INT:
        small = f"(v := {stored}).__class__ is int and 0 <= v <= {INT32_MAX}"
        return f"(v if {small} else {read}(v))"
    if kind is kinds.BIG_INT:
        return f"(str(v) if (v := {stored}).__class__ is int else {read}(v))"
    return f"{read}({stored})"


def _reader(column: Column) -> Callable[[Value], Any]:
    kind, nullable = column.kind, column.nullable
    read = lru_cache(LISTS_REMEMBERED)(kind.read) if kind is kinds.STRING_LIST else kind.read
    serialise: Callable[[Any], Any] = str if kind is kinds.BIG_INT else lambda value: value

    def value(stored: Value) -> Any:
        return None if stored is None and nullable else serialise(read(stored))

    return value
