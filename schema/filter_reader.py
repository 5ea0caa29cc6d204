"""What a filter that a client gave means: from input objects to conditions over rows."""

import json
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from strawberry import UNSET

from db.errors import BadRequest
from db.model.tables import Relation
from db.program import Value
from db.queries.conditions import EVERYTHING, All, AnyOf, Compare, Condition, Not, Related
from schema.filters import FILTER_TARGETS, StringListFilter

DEEPEST = 10
MOST_PARTS = 200

# A list column's operators look at its items; every other operator is called what it is.
LIST_OPERATORS = {
    "contains": "has",
    "contains_any": "has_any",
    "contains_all": "has_all",
    "is_empty": "is_empty",
}
_YES_OR_NO = {"is_null": "is_not_null", "is_empty": "is_not_empty"}


@dataclass(frozen=True, slots=True)
class ParsedFilter:
    """A filter's condition, and whether it names one of the fields that say a row has ended.

    Such a filter asks for the soft-deleted rows too.
    """

    condition: Condition
    names_end: bool


class _Reader:
    """Reads one filter, counting its parts."""

    def __init__(self) -> None:
        self._parts = 0

    def wanted(self, given: Any, depth: int = 0) -> ParsedFilter:
        """Read one filter object."""
        self._count_part(depth)
        table, relations = FILTER_TARGETS[type(given)].table, FILTER_TARGETS[type(given)].relations
        parts: list[Condition] = []
        names_end = False
        for name, value in _given(given):
            if name in ("and_", "or_"):
                inner = [self.wanted(item, depth + 1) for item in value]
                together = All if name == "and_" else AnyOf
                parts.append(together(tuple(item.condition for item in inner)))
                names_end |= any(item.names_end for item in inner)
            elif name == "not_":
                negated = self.wanted(value, depth + 1)
                parts.append(Not(negated.condition))
                names_end |= negated.names_end
            elif name in relations:
                parts += self._related(relations[name], value, depth)
            else:
                parts += self._compared(name, value)
                names_end |= name in table.ends
        return ParsedFilter(parts[0] if len(parts) == 1 else All(tuple(parts)), names_end)

    def _count_part(self, depth: int = 0) -> None:
        self._parts += 1
        if depth > DEEPEST or self._parts > MOST_PARTS:
            raise BadRequest(
                "FILTER_TOO_LARGE",
                f"a filter may have {MOST_PARTS} parts, nested {DEEPEST} deep: ask for less at once",
            )

    def _related(self, relation: Relation[Any], given: Any, depth: int) -> list[Condition]:
        if not relation.many:
            inner = self.wanted(given, depth + 1)
            return [Related(relation, inner.condition, live=False)]
        found: list[Condition] = []
        for name, value in _given(given):
            inner = self.wanted(value, depth + 1)
            some = Related(relation, inner.condition, live=not inner.names_end)
            found.append(Not(some) if name == "none" else some)
        return found

    def _compared(self, column: str, given: Any) -> list[Condition]:
        found: list[Condition] = []
        for name, value in _given(given, null="use isNull to ask for null"):
            self._count_part()
            operator = name.rstrip("_")
            if isinstance(given, StringListFilter):
                operator = LIST_OPERATORS[operator]
            if operator in _YES_OR_NO:
                found.append(Compare(column, operator if value else _YES_OR_NO[operator]))
            else:
                found.append(Compare(column, operator, _operand(value)))
        return found


def read(given: Any) -> ParsedFilter:
    """What a filter (None or UNSET for no filter) asks for.

    Raises BadRequest for one that is too large or too deep, and for an operand that is null.
    """
    if given is None or given is UNSET:
        return ParsedFilter(EVERYTHING, names_end=False)
    return _Reader().wanted(given)


def _given(filter_: Any, null: str = "") -> list[tuple[str, Any]]:
    """The parts that were given. A part that is null counts as absent, an operand must not be."""
    given = [(field.name, getattr(filter_, field.name)) for field in fields(filter_)]
    if null and any(value is None for _, value in given):
        raise BadRequest("BAD_FILTER", f"an operand of a filter is null: {null}")
    return [(name, value) for name, value in given if value is not UNSET and value is not None]


def _operand(value: Any) -> Value:
    if isinstance(value, list):
        return json.dumps([_operand(item) for item in value])
    if isinstance(value, Enum):
        return str(value.value)
    stored: Value = value
    return stored
