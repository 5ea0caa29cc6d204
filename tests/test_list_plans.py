"""Every list of the schema, in every ordering it offers, as SQLite means to carry it out.

The operations are made from the schema: a list or an ordering that is added to it is asked too.
"""

import itertools
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from db import cursors, pages, tables
from db.conditions import EVERYTHING, Compare
from db.pages import Cut, Listing, Order
from db.program import Statement, Value
from schema.compiled.compiler import source_of
from schema.served import GRAPHQL
from schema.sources import Pages
from tests.counting import fill, watched
from tests.planning import plan

AT = "2026-01-01T00:00:00.000Z"
ROWS = 1_000
# What no index can hold: an ordering of one table along links that another holds. The few rows that
# one parent leads to are sorted; walking the whole list for each of them takes a thousand times longer.
SORTED = {tables.CONTEXT_INSTALLATIONS, tables.INSTALLATION_CONTEXTS}
OPERANDS = {"String": "x", "ChittyID": "CHITTY-ACTOR-000001-AAAA", "Int": 1, "BigInt": "1"}
SELECTED = "nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage } totalCount"


@dataclass(frozen=True)
class List:
    """One list of the schema: its field, the orderings it offers and the fields it filters by equality."""

    field: str
    source: Pages
    filter: GraphQLInputObjectType
    orderings: dict[str, str]

    @classmethod
    def of(cls, name: str, definition: Any, source: Pages) -> "List":
        """The list that a field of the schema is."""
        by: Any = get_named_type(definition.args["orderBy"].type)
        members = get_named_type(by.fields["field"].type).values
        orderings = {member: value.value for member, value in members.items()}
        return cls(name, source, get_named_type(definition.args["filter"].type), orderings)

    @property
    def query(self) -> str:
        """The operation that asks for a page of it; of two parents' for a relation."""
        order = self.filter.name.replace("Filter", "Order")
        page = (
            f"{self.field}(first: $first, after: $after, last: $last, before: $before,"
            f" filter: $filter, orderBy: $orderBy) {{ {SELECTED} }}"
        )
        if self.source.relation is not None:
            page = f"{ROOTS[self.source.relation.parent]}(first: 2) {{ nodes {{ {page} }} }}"
        return (
            "query ($first: Int, $after: String, $last: Int, $before: String,"
            f" $filter: {self.filter.name}, $orderBy: [{order}!]) {{ {page} }}"
        )

    def filters(self) -> Iterator[dict[str, Any]]:
        """No filter, and an equality for each field that takes one."""
        yield {}
        for name, field in self.filter.fields.items():
            operators = getattr(get_named_type(field.type), "fields", {})
            if "eq" in operators:
                operand = get_named_type(operators["eq"].type)
                value = OPERANDS.get(operand.name) or next(iter(getattr(operand, "values", {})))
                yield {"filter": {name: {"eq": value}}}

    def cuts(self, member: str, direction: str) -> Iterator[dict[str, Any]]:
        """The first and the last page in an ordering, and those after and before a cursor."""
        column, table = self.orderings[member], self.source.table
        order = tuple(Order(name, direction == "DESC") for name in (column, table.key))
        values: list[Value] = [AT, None] if table.columns[column].nullable else [AT]
        sides: list[dict[str, Any]] = [{}]
        for side, value in itertools.product(("after", "before"), values):
            sides.append({side: cursors.encoder(b"key", table.name, order)((value, "key"))})
        for end, side in itertools.product(("first", "last"), sides):
            yield {end: 5, **side, "orderBy": [{"field": member, "direction": direction}]}

    def variables(self) -> Iterator[dict[str, Any]]:
        """Everything it is asked with."""
        for member, direction in itertools.product(self.orderings, ("ASC", "DESC")):
            for cut, filter_ in itertools.product(self.cuts(member, direction), self.filters()):
                yield cut | filter_


def fields() -> Iterator[tuple[str, str, Any, Pages]]:
    for owner in GRAPHQL.type_map.values():
        if isinstance(owner, GraphQLObjectType) and not owner.name.startswith("__"):
            for name, definition in owner.fields.items():
                source = source_of(definition)
                if isinstance(source, Pages):
                    yield owner.name, name, definition, source


ROOTS = {source.table: name for _, name, _, source in fields() if source.relation is None}
LISTS = {f"{owner}.{name}": List.of(name, each, source) for owner, name, each, source in fields()}


async def statements(path: Path, asked: List) -> dict[str, Statement]:
    """What a list in every ordering asks of a new registry, by its SQL."""
    async with watched(path) as registry:
        await fill(registry, ROWS)
        return {
            each.statement.sql: each.statement
            for variables in asked.variables()
            for each in await registry.asked(asked.query, **variables)
        }


def costly(plans: dict[str, list[str]], asked: List) -> dict[str, list[str]]:
    """Of these statements, by their SQL, the steps that cost more than the rows they give."""
    found = {sql: _unindexed(steps) for sql, steps in plans.items()}
    for sql, steps in plans.items():
        if asked.source.relation not in SORTED:
            found[sql] += [step for step in steps if "TEMP B-TREE" in step]
        if ":parents" in sql:  # an index is entered at each parent
            found[sql] += [step for step in steps if step.startswith("SCAN x USING")]
    return {sql: steps for sql, steps in found.items() if steps}


def _unindexed(steps: list[str]) -> list[str]:
    # What a subquery made is read to its end too, and so is a list of JSON.
    made = Counter(step.split()[1] for step in steps if step.startswith("CO-ROUTINE "))
    scanned = [step for step in steps if re.fullmatch(r"SCAN \S+", step)]
    seen = Counter(step.split()[1] for step in scanned)
    return [step for step in scanned if seen[step.split()[1]] > made[step.split()[1]]]


def test_the_schema_offers_these_lists_and_no_other():
    roots = [name for name in LISTS if name.startswith("Query.")]
    relations = {each.source.relation for each in LISTS.values()} - {None}

    assert len(roots) == len(tables.TABLES)
    assert len(LISTS) == len(roots) + len(relations)
    assert relations >= SORTED


@pytest.mark.parametrize("asked", LISTS.values(), ids=LISTS)
async def test_a_list_in_every_ordering_scans_no_table_and_sorts_nothing(tmp_path, asked: List):
    path = tmp_path / "registry.db"
    seen = await statements(path, asked)
    with closing(sqlite3.connect(path)) as connection:
        found = {sql: plan(connection, statement) for sql, statement in seen.items()}

    assert costly(found, asked) == {}


@pytest.mark.parametrize("asked", LISTS.values(), ids=LISTS)
async def test_the_generic_road_scans_no_table_and_sorts_nothing_either(tmp_path, asked: List):
    path, seen = tmp_path / "registry.db", {}
    async with watched(path) as registry:
        await fill(registry, 10)
        for member, direction in itertools.product(asked.orderings, ("ASC", "DESC")):
            for cut in asked.cuts(member, direction):
                for statement in await registry.statements(asked.query, **cut):
                    seen[statement.sql] = statement
    with closing(sqlite3.connect(path)) as connection:
        found = {sql: plan(connection, statement) for sql, statement in seen.items()}

    assert costly(found, asked) == {}


def test_a_list_without_its_index_would_be_noticed(migrated):
    migrated.execute("DROP INDEX actors_by_created_at")
    listing = Listing(tables.ACTORS, None, EVERYTHING, live=True)
    order = (Order("created_at", descending=True), Order("chitty_id", descending=True))
    page = pages.page(listing, Cut(order, 21), [None])

    found = costly({page.sql: plan(migrated, page)}, LISTS["Query.actors"])

    assert found == {page.sql: ["SCAN t", "USE TEMP B-TREE FOR ORDER BY"]}


def test_an_index_that_another_program_made_is_no_temptation_to_sort(migrated):
    migrated.execute("CREATE INDEX theirs ON connections (status)")
    filtered = Listing(tables.CONNECTIONS, None, Compare("status", "eq", "failed"), live=False)

    order = (Order("created_at", descending=True), Order("connection_id", descending=True))
    found = plan(migrated, pages.page(filtered, Cut(order, 21), [None]))

    assert found == ["SCAN t USING INDEX connections_by_created_at"]
