"""Every list of the schema, with all that it can be asked with.

The operations are made from the schema: a list or an ordering that is added to it is asked too.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from db.model.services import SERVICES
from db.program import Statement, Value
from db.queries import cursors, sealed_sequences
from db.queries.listings import Order
from db.queries.sealed_sequences import Purpose
from schema.built import GRAPHQL
from schema.compiled.compiler import source_of
from schema.fields import global_ids
from schema.fields.sources import PagedList
from tests.support.expectations.statement_counts import watched

AT = "2026-01-01T00:00:00.000Z"
ROWS = 20
OPERANDS = {"String": "x", "ChittyID": "CHITTY-ACTOR-000001-AAAA", "Int": 1, "BigInt": "1"}
# What changes are filtered by.
OF_CHANGES: list[dict[str, Any]] = [
    {"kinds": ["CONTEXT"]},
    {"operations": ["UPDATED"]},
    {"kinds": ["CONTEXT", "ACTOR"], "operations": ["CREATED"]},
    {"entityId": global_ids.of_key("Actor", "CHITTY-ACTOR-000001-AAAA")},
    {"entityId": global_ids.of_key("Installation", 1), "operations": ["UPDATED"]},
    {"actor": "CHITTY-ACTOR-000001-AAAA"},
    {"actor": "CHITTY-ACTOR-000001-AAAA", "kinds": ["CONTEXT"]},
    {"at": {"gte": AT}},
]
SELECTED = "nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage } totalCount"


@dataclass(frozen=True)
class List:
    """One list of the schema: its field, the orderings it offers and the fields it filters by equality.

    A log has one ordering, which has no name, and may have no filter.
    """

    field: str
    source: PagedList
    filter: GraphQLInputObjectType | None
    orderings: dict[str, str]

    @classmethod
    def of(cls, name: str, definition: Any, source: PagedList) -> "List":
        """The list that a field of the schema is."""
        if source.table.is_log:
            by_what = definition.args.get("filter")
            of_log: Any = by_what and get_named_type(by_what.type)
            return cls(name, source, of_log, {"": source.table.key})
        by: Any = get_named_type(definition.args["orderBy"].type)
        members = get_named_type(by.fields["field"].type).values
        orderings = {member: value.value for member, value in members.items()}
        return cls(name, source, get_named_type(definition.args["filter"].type), orderings)

    @property
    def query(self) -> str:
        """The operation that asks for a page of it; of two parents' for a relation."""
        types = dict.fromkeys(("first", "last"), "Int") | dict.fromkeys(
            ("after", "before"), "String"
        )
        if self.filter is not None:
            types["filter"] = self.filter.name
            if not self.source.table.is_log:
                types["orderBy"] = f"[{self.filter.name.replace('Filter', 'Order')}!]"
        taken = ", ".join(f"{name}: ${name}" for name in types)
        page = f"{self.field}({taken}) {{ {SELECTED} }}"
        if self.source.relation is not None:
            page = f"{ROOTS[self.source.relation.parent]}(first: 2) {{ nodes {{ {page} }} }}"
        declared = ", ".join(f"${name}: {type_}" for name, type_ in types.items())
        return f"query ({declared}) {{ {page} }}"

    def filters(self) -> Iterator[dict[str, Any]]:
        """No filter, and an equality for each field that takes one."""
        yield {}
        if self.filter is None:
            return
        if self.source.table.is_log:
            yield from ({"filter": each} for each in OF_CHANGES)
        for name, field in self.filter.fields.items():
            operators = getattr(get_named_type(field.type), "fields", {})
            if "eq" in operators:
                operand = get_named_type(operators["eq"].type)
                value = OPERANDS.get(operand.name) or next(iter(getattr(operand, "values", {})))
                yield {"filter": {name: {"eq": value}}}

    def page_arguments(self, member: str, direction: str) -> Iterator[dict[str, Any]]:
        """The first and the last page in an ordering, and those after and before a cursor."""
        column, table = self.orderings[member], self.source.table
        if table.is_log:
            yield from self._pages_of_log()
            return
        order = tuple(Order(name, direction == "DESC") for name in (column, table.key))
        values: list[Value] = [AT, None] if table.columns[column].nullable else [AT]
        sides: list[dict[str, Any]] = [{}]
        for side, value in itertools.product(("after", "before"), values):
            sides.append({side: cursors.encoder(b"key", table, order)((value, "key"))})
        for end, side in itertools.product(("first", "last"), sides):
            yield {end: 5, **side, "orderBy": [{"field": member, "direction": direction}]}

    def _pages_of_log(self) -> Iterator[dict[str, Any]]:
        cursor = sealed_sequences.seal(b"key", 2, Purpose.CURSOR)
        for end, side in itertools.product(
            ("first", "last"), ({}, {"after": cursor}, {"before": cursor})
        ):
            yield {end: 5, **side}

    def variables(self, *, everything: bool) -> Iterator[dict[str, Any]]:
        """Everything it is asked with, or each page of each ordering, and each filter of first pages.

        The last page of an ordering is the first one of the opposite ordering.
        """
        for member, direction in itertools.product(self.orderings, ("ASC", "DESC")):
            for page, filter_ in itertools.product(
                self.page_arguments(member, direction), self.filters()
            ):
                if everything or not filter_ or page.keys() <= {"first", "after", "orderBy"}:
                    yield page | filter_


def fields() -> Iterator[tuple[str, str, Any, PagedList]]:
    for owner in GRAPHQL.type_map.values():
        if isinstance(owner, GraphQLObjectType) and not owner.name.startswith("__"):
            for name, definition in owner.fields.items():
                source = source_of(definition)
                if isinstance(source, PagedList):
                    yield owner.name, name, definition, source


ROOTS = {source.table: name for _, name, _, source in fields() if source.relation is None}
ROOTS[SERVICES] = "services"  # which have no table to be a list of
LISTS = {f"{owner}.{name}": List.of(name, each, source) for owner, name, each, source in fields()}


async def statements(path: Path, asked: List, *, everything: bool) -> dict[str, Statement]:
    """What a list in every ordering asks of a new registry, by its SQL."""
    async with watched(path, ROWS) as registry:
        return {
            each.statement.sql: each.statement
            for variables in asked.variables(everything=everything)
            for each in await registry.asked(asked.query, **variables)
        }
