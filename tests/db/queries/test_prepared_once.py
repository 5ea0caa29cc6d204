"""SQLite compiles a statement once, whatever values are bound to it later."""

import sqlite3
from dataclasses import replace
from typing import Any

import pytest

from db.model.tables import Relation, Table
from db.program import Statement
from db.queries import json_listings, listings
from db.queries.conditions import EVERYTHING, Compare
from db.queries.listings import Listing, Order, PageRange
from db.security.row_security import UNRESTRICTED, Extent, RowSecurity
from tests.support.expectations.orderings import DIRECT, LISTS, THROUGH_CONNECTIONS

RELATIONS = DIRECT | THROUGH_CONNECTIONS
VIEWERS = {
    "the server": UNRESTRICTED,
    "an owner": RowSecurity("CHITTY-ACTOR-000001-AAAA", Extent()),
}


def compilations(
    connection: sqlite3.Connection, statements: list[Statement], security: RowSecurity
) -> list[bool]:
    """Whether SQLite compiles each of these statements, which it runs in turn."""
    asked: list[int] = []

    def authorize(*_: object) -> int:
        asked.append(1)  # about each table and column of a statement that is being compiled
        return sqlite3.SQLITE_OK

    connection.set_authorizer(authorize)
    found = []
    for statement in statements:
        asked.clear()
        connection.execute(*security.of(statement)).fetchall()
        found.append(bool(asked))
    return found


@pytest.fixture(params=list(VIEWERS.values()), ids=list(VIEWERS))
def security(request: pytest.FixtureRequest) -> RowSecurity:
    """The rights of the server, and those of a restricted viewer."""
    found: RowSecurity = request.param
    return found


def ordered_by(table: Table[Any], column: str) -> PageRange:
    return PageRange((Order(column, True), Order(table.key, True)), 3)


@pytest.mark.parametrize(("table", "column"), LISTS)
def test_pages_of_a_table_of_any_size(
    migrated, table: Table[Any], column: str, security: RowSecurity
):
    listing, page_range = Listing(table, None, EVERYTHING, live=True), ordered_by(table, column)
    sizes = [page_range, replace(page_range, limit=20)]

    rows = [listings.page(listing, each, [None]) for each in sizes]
    texts = [json_listings.page(listing, each, [table.key]).alone() for each in sizes]

    assert compilations(migrated, rows, security) == [True, False]
    assert compilations(migrated, texts, security) == [True, False]


@pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)
def test_pages_of_a_relation_of_any_size(migrated, relation: Relation[Any], security: RowSecurity):
    table = relation.child
    listing, page_range = (
        Listing(table, relation, EVERYTHING, live=True),
        ordered_by(table, table.newest),
    )
    sizes = [page_range, replace(page_range, limit=20)]

    rows = [listings.page(listing, each, ["CHITTY-A"]) for each in sizes]
    texts = [json_listings.page(listing, each, [table.key]).of('["CHITTY-A"]') for each in sizes]

    assert compilations(migrated, rows, security) == [True, False]
    assert compilations(migrated, texts, security) == [True, False]


@pytest.mark.parametrize(("table", "column"), LISTS)
def test_filters_with_any_value(migrated, table: Table[Any], column: str):
    page_range = ordered_by(table, table.newest)

    for operator in ("eq", "not", "gt", "lte", "in", "contains", "starts_with"):
        filtered = [
            Listing(table, None, Compare(column, operator, value), live=True)
            for value in ('["2026"]', '["2027"]')
        ]
        statements = [listings.page(listing, page_range, [None]) for listing in filtered]

        assert compilations(migrated, statements, UNRESTRICTED) == [True, False], operator
