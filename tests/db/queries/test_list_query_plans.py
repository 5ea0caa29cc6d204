"""Every list of the schema, in every ordering it offers, as SQLite plans it for everyone and for one viewer.

For whoever sees everything no list scans a table, and none sorts but those declared here, which sort what
one parent leads to. For an ordinary viewer, whose rows are found from what it owns, no list walks a table.
"""

import itertools
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass

import pytest
import pytest_asyncio

from db.model import tables
from db.program import Statement
from db.queries import listings
from db.queries.conditions import EVERYTHING, Compare
from db.queries.listings import Listing, Order, PageRange
from db.security.row_security import Extent, RowSecurity
from tests.support.expectations.lists import LISTS, List, statements
from tests.support.expectations.orderings import (
    DIRECT,
    OF_LOGS,
    OF_SERVICES,
    OF_SOURCES,
    THROUGH_CONNECTIONS,
)
from tests.support.expectations.sql_plans import plan
from tests.support.expectations.statement_counts import watched

# What no index can hold: an ordering of one table along links that another holds. The few rows that
# one parent leads to are sorted; walking the whole list for each of them takes a thousand times longer.
SORTED = {*THROUGH_CONNECTIONS.values(), OF_SERVICES["Service.contexts"]}
# One index holds the connections of a source or of a service newest first. Their pages are entered at the
# source, at the service, or at a key.
SORTED_UNLESS_NEWEST_FIRST = {*OF_SOURCES.values(), OF_SERVICES["Service.connections"]}
NEWEST_FIRST = re.compile(r"\bORDER BY x\.created_at\b")
ENTERED = re.compile(
    r"SEARCH x USING (COVERING )?INDEX connections_by_source \(source_chitty_id=\?"
    r"|SEARCH x USING (COVERING )?INDEX connections_by_target_service\w* \(target_service=\?"
    r"|SEARCH x USING INDEX sqlite_autoindex_connections_1 \(connection_id=\?\)"
    r"|SCAN x$"  # what a subquery made
)

VIEWER = RowSecurity("CHITTY-ACTOR-000001-AAAA", Extent())
# What is no table: one row, a list of JSON; and the index of rows that cannot be spelled, of which there
# are none as a rule.
NO_TABLE = re.compile(r"SCAN CONSTANT ROW|SCAN .* VIRTUAL TABLE |SCAN .* INDEX \w+_odd\b")


def costly(plans: dict[str, list[str]], asked: List) -> dict[str, list[str]]:
    """Of these statements, by their SQL, the steps that cost more than the rows they give."""
    found = {sql: _unindexed(steps) for sql, steps in plans.items()}
    for sql, steps in plans.items():
        if not _may_sort(asked, sql):
            found[sql] += [step for step in steps if "TEMP B-TREE" in step]
        if (
            asked.source.relation in SORTED_UNLESS_NEWEST_FIRST
            and ":parents" in sql
            and "ORDER BY" in sql
        ):
            entries = [step for step in steps if step.startswith(("SEARCH x ", "SCAN x"))]
            found[sql] += [step for step in entries if not ENTERED.match(step)]
        if ":parents" in sql:  # an index is entered at each parent
            found[sql] += [step for step in steps if step.startswith("SCAN x USING")]
    return {sql: steps for sql, steps in found.items() if steps}


def _may_sort(asked: List, sql: str) -> bool:
    relation = asked.source.relation
    return relation in SORTED or (
        relation in SORTED_UNLESS_NEWEST_FIRST and not NEWEST_FIRST.search(sql)
    )


def _unindexed(steps: list[str]) -> list[str]:
    # What a subquery made is read to its end too, and so are the names of services, each found by the last.
    made = Counter(step.split()[1] for step in steps if step.startswith("CO-ROUTINE "))
    scanned = [step for step in steps if re.fullmatch(r"SCAN (?!each$)\S+", step)]
    seen = Counter(step.split()[1] for step in scanned)
    return [step for step in scanned if seen[step.split()[1]] > made[step.split()[1]]]


def walked(steps: list[str]) -> list[str]:
    """The steps that go through a whole table, or through an index of it."""
    made = {step.split()[1] for step in steps if step.startswith(("CO-ROUTINE ", "MATERIALIZE "))}
    return [
        step
        for step in steps
        if step.startswith("SCAN ") and not NO_TABLE.match(step) and step.split()[1] not in made
    ]


@dataclass(frozen=True)
class ListStatements:
    """A list, and the statements that it takes in every ordering, on a registry that can plan them."""

    list: List
    statements: dict[str, Statement]
    connection: sqlite3.Connection


EXTENTS = [
    pytest.param((list_, everything), id=f"{name}{', everything' * everything}", marks=marks)
    for everything, marks in ((False, ()), (True, pytest.mark.thorough))
    for name, list_ in LISTS.items()
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=EXTENTS)
async def asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ListStatements]:
    path = tmp_path_factory.mktemp("list") / "registry.db"
    list_, everything = request.param
    seen = await statements(path, list_, everything=everything)
    with closing(sqlite3.connect(path)) as connection:
        yield ListStatements(list_, seen, connection)


def test_the_schema_offers_these_lists_and_no_other():
    roots = [name for name in LISTS if name.startswith("Query.")]
    relations = {each.source.relation for each in LISTS.values()} - {None}

    assert len(roots) == len([*tables.TABLES, tables.CHANGES])
    assert len(LISTS) == len(roots) + len(relations)
    through = (DIRECT, THROUGH_CONNECTIONS, OF_LOGS, OF_SERVICES)
    assert relations == {each for declared in through for each in declared.values()}


def test_a_list_in_every_ordering_scans_no_table_and_sorts_only_what_is_declared(
    asked: ListStatements,
):
    found = {sql: plan(asked.connection, each) for sql, each in asked.statements.items()}

    assert costly(found, asked.list) == {}


def test_a_list_walks_no_table_for_an_ordinary_viewer(asked: ListStatements):
    found = {
        sql: walked(plan(asked.connection, each, VIEWER)) for sql, each in asked.statements.items()
    }

    assert {sql: steps for sql, steps in found.items() if steps} == {}


@pytest.mark.parametrize("list_", LISTS.values(), ids=LISTS)
async def test_generic_execution_scans_no_table_and_sorts_no_more(tmp_path, list_: List):
    path, seen = tmp_path / "registry.db", {}
    async with watched(path, 2) as registry:
        for member, direction in itertools.product(list_.orderings, ("ASC", "DESC")):
            for page in list_.page_arguments(member, direction):
                for statement in await registry.statements(list_.query, **page):
                    seen[statement.sql] = statement
    with closing(sqlite3.connect(path)) as connection:
        found = {sql: plan(connection, statement) for sql, statement in seen.items()}

    assert costly(found, list_) == {}


def test_a_list_without_its_index_would_be_noticed(migrated):
    migrated.execute("DROP INDEX actors_by_created_at")
    listing = Listing(tables.ACTORS, None, EVERYTHING, live=True)
    order = (Order("created_at", descending=True), Order("chitty_id", descending=True))
    page = listings.page(listing, PageRange(order, 21), [None])

    found = costly({page.sql: plan(migrated, page)}, LISTS["Query.actors"])

    assert found == {page.sql: ["SCAN t", "USE TEMP B-TREE FOR ORDER BY"]}


def by_updated_at_of(source: str) -> tuple[str, Statement]:
    listing = Listing(tables.CONNECTIONS, OF_SOURCES[source], EVERYTHING, live=True)
    order = (Order("updated_at", descending=True), Order("connection_id", descending=True))
    page = listings.page(listing, PageRange(order, 21), ["CHITTY-A"])
    return page.sql, page


@pytest.mark.parametrize("source", OF_SOURCES)
def test_sorting_more_than_the_rows_of_one_source_would_be_noticed(migrated, source: str):
    sql, page = by_updated_at_of(source)
    assert costly({sql: plan(migrated, page)}, LISTS[source]) == {}

    migrated.execute("DROP INDEX connections_by_source")

    assert costly({sql: plan(migrated, page)}, LISTS[source]).keys() == {sql}


def test_an_index_that_another_program_made_is_no_temptation_to_sort(migrated):
    migrated.execute("CREATE INDEX theirs ON connections (status)")
    filtered = Listing(tables.CONNECTIONS, None, Compare("status", "eq", "failed"), live=False)

    order = (Order("created_at", descending=True), Order("connection_id", descending=True))
    found = plan(migrated, listings.page(filtered, PageRange(order, 21), [None]))

    assert found == ["SCAN t USING INDEX connections_by_created_at"]


def test_a_list_that_asks_each_row_of_a_table_would_be_noticed(migrated):
    assert walked(plan(migrated, Statement("SELECT * FROM seen.contexts AS t"), VIEWER)) == [
        "SCAN own"
    ]
    assert walked(plan(migrated, Statement("SELECT * FROM listed.contexts AS t"), VIEWER)) == []
