"""Reads the filters that clients send as conditions on rows."""

import json
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from strawberry import UNSET
from strawberry.utils.str_converters import to_camel_case

from db.errors import BadRequest
from db.model.tables import TABLES, Relation, Table
from db.program import Value
from db.queries.conditions import (
    ANY_CASE,
    EVERYTHING,
    OF_ANY_CASE,
    All,
    AnyOf,
    Compare,
    Condition,
    Not,
    Related,
)
from schema.fields import global_ids
from schema.filters import FILTER_TARGETS, ChangeFilter, StringFilter, StringListFilter

MAX_DEPTH = 10
MAX_PARTS = 200

# The operators of list columns are about items; all others keep their names.
LIST_OPERATORS = {
    "contains": "has",
    "contains_any": "has_any",
    "contains_all": "has_all",
    "is_empty": "is_empty",
}
IGNORE_CASE = "ignore_case"
_NEGATED = {"is_null": "is_not_null", "is_empty": "is_not_empty"}


@dataclass(frozen=True, slots=True)
class ParsedFilter:
    """`includes_deleted` is True if the filter names `status`, `deletedAt` or the like."""

    condition: Condition
    includes_deleted: bool


NO_FILTER = ParsedFilter(EVERYTHING, includes_deleted=False)


class _Reader:
    def __init__(self) -> None:
        self._parts = 0

    def parse(self, filter_: Any, depth: int = 0) -> ParsedFilter:
        self._count_part(depth)
        table, relations = (
            FILTER_TARGETS[type(filter_)].table,
            FILTER_TARGETS[type(filter_)].relations,
        )
        parts: list[Condition] = []
        includes_deleted = False
        for name, value in _sent(filter_):
            if name in ("and_", "or_"):
                inner = [self.parse(item, depth + 1) for item in value]
                combine = All if name == "and_" else AnyOf
                parts.append(combine(tuple(item.condition for item in inner)))
                includes_deleted |= any(item.includes_deleted for item in inner)
            elif name == "not_":
                negated = self.parse(value, depth + 1)
                parts.append(Not(negated.condition))
                includes_deleted |= negated.includes_deleted
            elif name in relations:
                parts += self._related(relations[name], value, depth)
            else:
                parts += self._compare(name, value)
                includes_deleted |= name in table.ends
        return ParsedFilter(parts[0] if len(parts) == 1 else All(tuple(parts)), includes_deleted)

    def parse_changes(self, filter_: ChangeFilter) -> ParsedFilter:
        self._count_part()
        parts: list[Condition] = []
        for name, value in _sent(filter_):
            match name:
                case "kinds" | "operations":
                    # An index of the kind would find the changes in another order.
                    parts.append(Compare(name.removesuffix("s"), "in_unindexed", _operand(value)))
                case "entity_id":
                    parts.append(_of_entity(value))
                case "actor":
                    parts.append(Compare("actor", "eq", value))
                case _:
                    parts += self._compare(name, value)
        return ParsedFilter(All(tuple(parts)) if parts else EVERYTHING, includes_deleted=False)

    def parse_text(self, column: str, filter_: StringFilter) -> ParsedFilter:
        return ParsedFilter(All(tuple(self._compare(column, filter_))), includes_deleted=False)

    def _count_part(self, depth: int = 0) -> None:
        self._parts += 1
        if depth > MAX_DEPTH or self._parts > MAX_PARTS:
            raise BadRequest(
                "FILTER_TOO_LARGE",
                f"a filter may have {MAX_PARTS} parts and {MAX_DEPTH} levels: send a smaller one",
            )

    def _related(self, relation: Relation[Any], filter_: Any, depth: int) -> list[Condition]:
        if not relation.many:
            inner = self.parse(filter_, depth + 1)
            return [Related(relation, inner.condition, live=False)]
        conditions: list[Condition] = []
        for name, value in _sent(filter_):
            inner = self.parse(value, depth + 1)
            some = Related(relation, inner.condition, live=not inner.includes_deleted)
            conditions.append(Not(some) if name == "none" else some)
        return conditions

    def _compare(self, column: str, operators: Any) -> list[Condition]:
        conditions: list[Condition] = []
        sent = _sent(operators)
        ignores_case = (IGNORE_CASE, True) in sent
        for name, value in sent:
            if name == IGNORE_CASE:
                continue
            self._count_part()
            operator = name.rstrip("_")
            if ignores_case and operator in OF_ANY_CASE:
                operator += ANY_CASE
            if isinstance(operators, StringListFilter):
                operator = LIST_OPERATORS[operator]
            if operator in _NEGATED:
                conditions.append(Compare(column, operator if value else _NEGATED[operator]))
            else:
                conditions.append(Compare(column, operator, _operand(value)))
        return conditions


def read(filter_: Any, table: Table[Any] | None = None) -> ParsedFilter:
    """Read a filter, which if it is a StringFilter is one on the table's key; None and UNSET are no filter.

    Raises BadRequest for a filter that is too large or too deep, and for anything in it that is null.
    """
    if filter_ is None or filter_ is UNSET:
        return NO_FILTER
    if isinstance(filter_, ChangeFilter):
        return _Reader().parse_changes(filter_)
    if isinstance(filter_, StringFilter) and table is not None:
        return _Reader().parse_text(table.key, filter_)
    return _Reader().parse(filter_)


def _of_entity(id_: str) -> Condition:
    """Of the row with this id; an id of none has no changes."""
    place = global_ids.decode(id_)
    if place is None or place[0] not in TABLES:
        return AnyOf(())
    table, key = place
    return All((Compare("kind", "eq", table.name), Compare("key", "eq", key)))


def _sent(filter_: Any) -> list[tuple[str, Any]]:
    """The parts that the client sent; raises BadRequest if one is null."""
    parts = []
    for field in fields(filter_):
        value = getattr(filter_, field.name)
        if value is None:  # as an absent one, it would find everything
            name = to_camel_case(field.name.rstrip("_"))
            raise BadRequest(
                "BAD_FILTER",
                f"{name} is null in a filter: leave it out, or use isNull to find null",
            )
        if value is not UNSET:
            parts.append((field.name, value))
    return parts


def _operand(value: Any) -> Value:
    if isinstance(value, list):
        return json.dumps([_operand(item) for item in value])
    if isinstance(value, Enum):
        return str(value.value)
    stored: Value = value
    return stored
