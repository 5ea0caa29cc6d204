"""Every list of the schema, in every ordering it offers, as SQLite means to carry it out."""

import itertools
import re
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from db.model import tables
from db.queries import listings
from db.queries.conditions import EVERYTHING, Compare
from db.queries.listings import Cut, Listing, Order
from tests.support.lists import LISTS, List, statements
from tests.support.sql_plans import plan
from tests.support.statement_counts import fill, watched

# What no index can hold: an ordering of one table along links that another holds. The few rows that
# one parent leads to are sorted; walking the whole list for each of them takes a thousand times longer.
SORTED = {tables.CONTEXT_INSTALLATIONS, tables.INSTALLATION_CONTEXTS}


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
    page = listings.page(listing, Cut(order, 21), [None])

    found = costly({page.sql: plan(migrated, page)}, LISTS["Query.actors"])

    assert found == {page.sql: ["SCAN t", "USE TEMP B-TREE FOR ORDER BY"]}


def test_an_index_that_another_program_made_is_no_temptation_to_sort(migrated):
    migrated.execute("CREATE INDEX theirs ON connections (status)")
    filtered = Listing(tables.CONNECTIONS, None, Compare("status", "eq", "failed"), live=False)

    order = (Order("created_at", descending=True), Order("connection_id", descending=True))
    found = plan(migrated, listings.page(filtered, Cut(order, 21), [None]))

    assert found == ["SCAN t USING INDEX connections_by_created_at"]
