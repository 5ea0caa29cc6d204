"""What an ordinary viewer asks for is found from what is its own: no list walks a table for it."""

import re
import sqlite3
from contextlib import closing

import pytest

from db.program import Statement
from db.sight import Extent, Sight
from tests.counting import fill, watched
from tests.test_list_plans import LISTS, ROWS, List

VIEWER = Sight("CHITTY-ACTOR-000001-AAAA", Extent())
# What is no table: one row, a list of JSON; and the index of rows that cannot be spelled, of which there
# are none as a rule.
NO_TABLE = re.compile(r"SCAN CONSTANT ROW|SCAN .* VIRTUAL TABLE |SCAN .* INDEX \w+_odd\b")


def plan(connection: sqlite3.Connection, statement: Statement) -> list[str]:
    """The steps by which a statement is carried out for the viewer."""
    found = connection.execute(f"EXPLAIN QUERY PLAN {VIEWER.of(statement)[0]}", _binds(statement))
    return [detail for _, _, _, detail in found]


def _binds(statement: Statement) -> dict[str, object]:
    return {**statement.bind, "viewer": VIEWER.viewer}


def walked(steps: list[str]) -> list[str]:
    """The steps that go through a whole table, or through an index of it."""
    made = {step.split()[1] for step in steps if step.startswith(("CO-ROUTINE ", "MATERIALIZE "))}
    return [
        step
        for step in steps
        if step.startswith("SCAN ") and not NO_TABLE.match(step) and step.split()[1] not in made
    ]


@pytest.mark.parametrize("asked", LISTS.values(), ids=LISTS)
async def test_a_list_walks_no_table_for_an_ordinary_viewer(tmp_path, asked: List):
    path, seen = tmp_path / "registry.db", {}
    async with watched(path) as registry:
        await fill(registry, ROWS)
        for variables in asked.variables():
            for each in await registry.asked(asked.query, **variables):
                seen[each.statement.sql] = each.statement
    with closing(sqlite3.connect(path)) as connection:
        found = {sql: walked(plan(connection, statement)) for sql, statement in seen.items()}

    assert {sql: steps for sql, steps in found.items() if steps} == {}


def test_a_list_that_asks_each_row_of_a_table_would_be_noticed(migrated):
    assert walked(plan(migrated, Statement("SELECT * FROM seen.contexts AS t"))) == ["SCAN own"]
    assert walked(plan(migrated, Statement("SELECT * FROM listed.contexts AS t"))) == []
