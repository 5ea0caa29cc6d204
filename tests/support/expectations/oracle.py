"""What filters and orderings mean, said again in Python: the tests compare the two."""

import re
import string
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from db.model import column_types
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, Table
from tests.support.registries.random_registries import Registry

ENDS = {
    ACTORS: {"status"},
    CONTEXTS: {"status", "deletedAt"},
    INSTALLATIONS: {"uninstalledAt"},
    CONNECTIONS: {"status", "disconnectedAt"},
}
ENDED: dict[Table[Any], Callable[[Any], bool]] = {
    ACTORS: lambda row: row.status == "deleted",
    CONTEXTS: lambda row: row.status == "deleted",
    INSTALLATIONS: lambda row: row.uninstalled_at is not None,
    CONNECTIONS: lambda row: row.status == "disconnected",
}
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, given: value == given,
    "not": lambda value, given: value is not None and value != given,
    "in": lambda value, given: value in given,
    "gt": lambda value, given: value is not None and value > given,
    "gte": lambda value, given: value is not None and value >= given,
    "lt": lambda value, given: value is not None and value < given,
    "lte": lambda value, given: value is not None and value <= given,
    "contains": lambda value, given: value is not None and given in value,
    "startsWith": lambda value, given: value is not None and value.startswith(given),
    "endsWith": lambda value, given: value is not None and value.endswith(given),
    "isNull": lambda value, given: (value is None) == given,
    "containsAny": lambda value, given: bool({*value} & {*given}),
    "containsAll": lambda value, given: {*value} >= {*given},
    "isEmpty": lambda value, given: (value == []) == given,
}
ANY_CASE = {"eq", "in", "contains", "startsWith", "endsWith"}
SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

# A relation's child, the row's column that leads there, and the child's column that it meets.
DIRECT: dict[tuple[str, str], tuple[Table[Any], str, str]] = {
    ("actors", "contexts"): (CONTEXTS, "chitty_id", "owner_chitty_id"),
    ("actors", "connections"): (CONNECTIONS, "chitty_id", "source_chitty_id"),
    ("actors", "suspendedInstallations"): (INSTALLATIONS, "chitty_id", "suspended_by_chitty_id"),
    ("contexts", "owner"): (ACTORS, "owner_chitty_id", "chitty_id"),
    ("contexts", "connections"): (CONNECTIONS, "chitty_id", "source_chitty_id"),
    ("installations", "connections"): (CONNECTIONS, "installation_id", "installation_id"),
    ("connections", "sourceContext"): (CONTEXTS, "source_chitty_id", "chitty_id"),
    ("connections", "sourceActor"): (ACTORS, "source_chitty_id", "chitty_id"),
    ("connections", "installation"): (INSTALLATIONS, "installation_id", "installation_id"),
}
# A relation's child, and the columns of the connections between, from this end and to the other.
THROUGH: dict[tuple[str, str], tuple[Table[Any], str, str]] = {
    ("contexts", "installations"): (INSTALLATIONS, "source_chitty_id", "installation_id"),
    ("installations", "contexts"): (CONTEXTS, "installation_id", "source_chitty_id"),
}


def snake(name: str) -> str:
    """A GraphQL field's name as its column's."""
    return re.sub("([A-Z])", lambda upper: f"_{upper[1].lower()}", name)


class Oracle:
    """A registry that knows what its lists must hold."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def listed(self, table: Table[Any], given: Any, rows: Sequence[Any] | None = None) -> list[Any]:
        """The rows of a table, or those of a relation, that a list with this filter shows."""
        return [
            row
            for row in (self.registry.of(table) if rows is None else rows)
            if (names_end(table, given) or not ENDED[table](row))
            and self.matches(table, row, given)
        ]

    def matches(self, table: Table[Any], row: Any, given: dict[str, Any]) -> bool:
        """Whether a row meets every part of a filter."""
        return all(self._holds(table, row, name, part) for name, part in given.items())

    def related(self, table: Table[Any], name: str, row: Any) -> tuple[Table[Any], list[Any]]:
        """The rows that a relation of this name leads to, in whatever state they are."""
        if (table.name, name) in THROUGH:
            child, near, far = THROUGH[table.name, name]
            column, keys = child.key, self._linked(near, getattr(row, table.key), far)
        else:
            child, here, column = DIRECT[table.name, name]
            keys = {getattr(row, here)} - {None}
        found = [each for each in self.registry.of(child) if getattr(each, column) in keys]
        if column == "source_chitty_id":
            found = [each for each in found if f"{each.source_type}s" == table.name]
        return child, found

    def _linked(self, near: str, value: Any, far: str) -> set[Any]:
        return {
            getattr(link, far)
            for link in self.registry.of(CONNECTIONS)
            if getattr(link, near) == value
            and link.source_type == "context"
            and link.status != "disconnected"
        }

    def _holds(self, table: Table[Any], row: Any, name: str, part: Any) -> bool:
        if name == "and":
            return all(self.matches(table, row, each) for each in part)
        if name == "or":
            return any(self.matches(table, row, each) for each in part)
        if name == "not":
            return not self.matches(table, row, part)
        if snake(name) in table.columns:
            return compared(table, snake(name), row, part)
        child, found = self.related(table, name, row)
        if name in ("owner", "sourceContext", "sourceActor", "installation"):
            return any(self.matches(child, each, part) for each in found)
        some = {quantifier: self.listed(child, each, found) for quantifier, each in part.items()}
        return bool(some.get("some", True)) and not some.get("none", [])


def compared(table: Table[Any], column: str, row: Any, operators: dict[str, Any]) -> bool:
    """Whether a row's column meets every operator."""
    value = public(table, column, row)
    ignores_case = operators.get("ignoreCase", False)
    return all(
        _holds(operator, value, _operand(table.columns[column].type, given), ignores_case)
        for operator, given in operators.items()
        if operator != "ignoreCase"
    )


def _holds(operator: str, value: Any, given: Any, ignores_case: bool) -> bool:
    if ignores_case and operator in ANY_CASE:
        value, given = folded(value), folded(given)
    return OPERATORS[operator](value, given)


def folded(value: Any) -> Any:
    """A text, or each of a list, with small letters for the capitals of ASCII."""
    if isinstance(value, list):
        return [folded(each) for each in value]
    return value.translate(SMALL) if isinstance(value, str) else value


def public(table: Table[Any], column: str, row: Any) -> Any:
    """A row's value as a client sees it, but for whole numbers."""
    value = table.columns[column].read(row)
    return value.name if isinstance(value, Enum) else value


def names_end(table: Table[Any], given: dict[str, Any]) -> bool:
    """Whether a filter names a field that says whether a row has ended, by itself."""
    inner = [
        *given.get("and", []),
        *given.get("or", []),
        *([given["not"]] if "not" in given else []),
    ]
    return bool(ENDS[table] & given.keys()) or any(names_end(table, each) for each in inner)


def ordered(table: Table[Any], rows: Sequence[Any], order: Sequence[tuple[str, str]]) -> list[Any]:
    """Rows in an ordering of (column, direction); NULL is smaller than everything."""
    parts = list(order) or [(table.newest, "DESC")]
    found = list(rows)
    for column, direction in reversed([*parts, (table.key, parts[-1][1])]):
        found.sort(key=lambda row: _rank(getattr(row, column)), reverse=direction == "DESC")
    return found


def _rank(value: Any) -> tuple[Any, ...]:
    return () if value is None else (value,)


def _operand(kind: column_types.ColumnType, given: Any) -> Any:
    if isinstance(given, list):
        return [_operand(kind, each) for each in given]
    if isinstance(given, str) and kind is column_types.BIG_INT:
        return int(given)
    if isinstance(given, str) and kind is column_types.CHITTY_ID:
        return given.removeprefix("did:chitty:")
    return given
