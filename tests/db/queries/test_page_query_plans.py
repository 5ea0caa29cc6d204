"""The statements of pages, as SQLite means to carry them out: from a cursor on, in an index's order."""

import itertools
import sqlite3
from typing import Any

import pytest

from db.model.tables import Relation, Table
from db.program import Statement
from db.queries import listings
from db.queries.conditions import EVERYTHING
from db.queries.listings import Listing, Order, PageRange
from schema.enums import ConnectionOrderField
from tests.support.expectations import sql_plans
from tests.support.expectations.orderings import DIRECT, LISTS, OF_SOURCES, THROUGH_CONNECTIONS

LIMITS = (1, 3, 21, 101)
AT = "2026-01-01T00:00:00.000Z"
WAYS = [
    pytest.param(descending, backward, side, id=f"{'DESC' if descending else 'ASC'} {end} {side}")
    for descending in (False, True)
    for backward, end in ((False, "first"), (True, "last"))
    for side in ("after", "before")
]


def plan(connection: sqlite3.Connection, statement: Statement) -> str:
    return "\n".join(sql_plans.plan(connection, statement))


def by(table: Table[Any], column: str, *, descending: bool) -> tuple[Order, ...]:
    return Order(column, descending), Order(table.key, descending)


@pytest.mark.parametrize(("descending", "backward", "side"), WAYS)
@pytest.mark.parametrize(("table", "column"), LISTS)
def test_a_page_from_a_cursor_walks_an_index_and_sorts_nothing(
    migrated, table: Table[Any], column: str, descending: bool, backward: bool, side: str
):
    listing = Listing(table, None, EVERYTHING, live=True)
    order = by(table, column, descending=descending)
    nullable = table.columns[column].nullable

    for value, limit in itertools.product((AT, None) if nullable else (AT,), LIMITS):
        cursor: dict[str, Any] = {side: (value, "key")}
        page_range = PageRange(order, limit, backward, **cursor)
        found = plan(migrated, listings.page(listing, page_range, [None]))

        assert " t USING INDEX " in found
        assert "TEMP B-TREE" not in found
        assert "MULTI-INDEX" not in found
        if not nullable:
            smaller = descending == (side == "after")
            assert found.startswith("SEARCH t ")
            assert found.endswith(f"({column}{'<' if smaller else '>'}?)")


@pytest.mark.parametrize("relation", DIRECT.values(), ids=DIRECT)
@pytest.mark.parametrize(("side", "bound"), [("after", "<"), ("before", ">")])
def test_a_relation_page_from_a_cursor_starts_at_it_in_each_parents_part_of_an_index(
    migrated, relation: Relation[Any], side: str, bound: str
):
    child = relation.child
    cursor: dict[str, Any] = {side: (AT, "key")}
    page_range = PageRange(by(child, child.newest, descending=True), 21, **cursor)

    found = plan(
        migrated,
        listings.page(Listing(child, relation, EVERYTHING, live=True), page_range, ["a", "b"]),
    )

    assert f"=? AND {child.newest}{bound}?)" in found
    assert "TEMP B-TREE" not in found


@pytest.mark.parametrize("relation", OF_SOURCES.values(), ids=OF_SOURCES)
@pytest.mark.parametrize("column", [field.value for field in ConnectionOrderField])
def test_the_connections_of_a_source_are_picked_from_one_index_in_every_ordering(
    migrated, relation: Relation[Any], column: str
):
    order = by(relation.child, column, descending=True)
    listing = Listing(relation.child, relation, EVERYTHING, live=True)

    for value in (AT, None):
        page_range = PageRange(order, 21, after=(value, "key"))
        found = plan(migrated, listings.page(listing, page_range, ["a", "b"]))

        assert "SEARCH x USING COVERING INDEX connections_by_source (source_chitty_id=?" in found
        assert ("TEMP B-TREE" in found) == (column != relation.child.newest)


RELATIONS = DIRECT | THROUGH_CONNECTIONS


@pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)
def test_counts_and_looks_beyond_scan_no_table(migrated, relation: Relation[Any]):
    listing = Listing(relation.child, relation, EVERYTHING, live=True)
    order = by(relation.child, relation.child.newest, descending=True)

    for statement in (
        listings.count(listing, ["a"]),
        listings.extends_past(listing, order, (AT, "key"), ["a"], ahead=False),
        listings.extends_past(listing, order, (AT, "key"), ["a"], ahead=True),
    ):
        found = plan(migrated, statement)

        assert "SEARCH x USING " in found
        assert "SCAN x USING" not in found
        assert "SCAN link" not in found
        assert ("TEMP B-TREE" in found) <= (relation in THROUGH_CONNECTIONS.values())
