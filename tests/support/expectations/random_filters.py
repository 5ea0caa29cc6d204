"""Filters made at random from the schema itself, so that none of its parts can be left out."""

import random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedInputType,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from db.model import column_types
from db.model.tables import TABLES, Table
from tests.support.expectations import oracle
from tests.support.expectations.printed_schema import PRINTED
from tests.support.registries.random_registries import INSTANTS, WORDS, Registry


def operators(filter_type: GraphQLNamedInputType) -> dict[str, Any]:
    """A filter type's fields by name."""
    assert isinstance(filter_type, GraphQLInputObjectType)
    return {name: field.type for name, field in filter_type.fields.items()}


def fields(table: Table[Any]) -> dict[str, GraphQLNamedInputType]:
    """The fields of a table's filter by name, with the type of each."""
    found = operators(PRINTED.type_map[f"{table.row.__name__}Filter"])  # type: ignore[arg-type]
    return {name: get_named_type(kind) for name, kind in found.items()}


class Filters:
    """Makes filters over a registry, the same ones for the same seed."""

    def __init__(self, registry: Registry, seed: int) -> None:
        self.registry = registry
        self.random = random.Random(seed)

    def over(self, table: Table[Any], depth: int = 3) -> dict[str, Any]:
        """A filter of a table that nests at most this deep."""
        offered = fields(table)
        if depth == 0:
            offered = {name: kind for name, kind in offered.items() if _is_column(table, name)}
        names = self.random.sample(sorted(offered), self.random.choice([0, 1, 1, 1, 2, 3]))
        return {name: self._part(table, name, offered[name], depth) for name in names}

    def led_over(self, table: Table[Any], relations: int) -> dict[str, Any]:
        """A filter of a table that follows so many relations, one behind the other."""
        if not relations:
            return self.over(table, depth=0)
        offered = fields(table)
        columns_too = {"and", "or", "not"} | {name for name in offered if _is_column(table, name)}
        name = self.random.choice(sorted(offered.keys() - columns_too))
        child, is_one = _child(offered[name])
        further = self.led_over(child, relations - 1)
        return {name: further if is_one else {self.random.choice(["some", "none"]): further}}

    def operand(self, table: Table[Any], column: str, operator: str, kind: Any) -> Any:
        """A value for one operator, more often than not one that the column holds somewhere."""
        nullable: Any = get_nullable_type(kind)
        if is_list_type(nullable):
            count = self.random.choice([0, 1, 1, 2, 3])
            inner = get_named_type(kind)
            return [self.operand(table, column, operator, inner) for _ in range(count)]
        if isinstance(nullable, GraphQLEnumType):
            return self.random.choice(sorted(nullable.values))
        if nullable.name == "Boolean":
            return self.random.random() < 0.5
        found = self._stored(table, column)
        if nullable.name in ("Int", "BigInt"):
            value = self.random.choice([*found, 0, 2, -1])
            return str(value) if nullable.name == "BigInt" else value
        if nullable.name == "DateTime":
            return self.random.choice([*INSTANTS, "2026-03-17T09:30:00.301Z"])
        value = self.random.choice([*found, *WORDS, "nobody's"])
        if nullable.name == "ChittyID":
            return self.random.choice(["", "did:chitty:"]) + value
        if self.random.random() < 0.3:
            value = self.random.choice([str.upper, str.lower, str.swapcase])(value)
        if operator in ("contains", "startsWith", "endsWith") and not _is_list(table, column):
            start = self.random.randrange(2) if operator == "contains" else 0
            count = self.random.randrange(4)
            if operator == "endsWith":
                return value[max(len(value) - count, 0) :]
            return value[start : start + count]
        return value

    def _part(self, table: Table[Any], name: str, kind: GraphQLNamedInputType, depth: int) -> Any:
        if name in ("and", "or"):
            return [self.over(table, depth - 1) for _ in range(self.random.choice([0, 1, 2, 2, 3]))]
        if name == "not":
            return self.over(table, depth - 1)
        if _is_column(table, name):
            offered = operators(kind)
            names = self.random.sample(sorted(offered), self.random.choice([1, 1, 1, 2]))
            column = oracle.snake(name)
            return {each: self.operand(table, column, each, offered[each]) for each in names}
        child, is_one = _child(kind)
        if is_one:
            return self.over(child, depth - 1)
        quantifiers = self.random.choice([["some"], ["none"], ["some", "none"], []])
        return {each: self.over(child, depth - 1) for each in quantifiers}

    def _stored(self, table: Table[Any], column: str) -> list[Any]:
        found = [oracle.public(table, column, row) for row in self.registry.of(table)]
        if _is_list(table, column):
            return [item for items in found for item in items]
        return [value for value in found if value is not None]


def _is_column(table: Table[Any], name: str) -> bool:
    return oracle.snake(name) in table.columns


def _is_list(table: Table[Any], column: str) -> bool:
    return table.columns[column].type is column_types.STRING_LIST


def _child(kind: GraphQLNamedInputType) -> tuple[Table[Any], bool]:
    """The table that a relation leads to, and whether to one row of it."""
    is_one = kind.name.endswith("Filter")
    name = kind.name if is_one else get_named_type(operators(kind)["some"]).name
    (found,) = (table for table in TABLES if f"{table.row.__name__}Filter" == name)
    return found, is_one
