"""What an ordinary viewer asks for is found from what is its own: no list walks a table for it."""

import re
import sqlite3
from contextlib import closing

import pytest

from db.program import Statement
from db.security.row_security import Extent, RowSecurity
from tests.support.lists import LISTS, List, statements
from tests.support.sql_plans import plan

VIEWER = RowSecurity("CHITTY-ACTOR-000001-AAAA", Extent())
# What is no table: one row, a list of JSON; and the index of rows that cannot be spelled, of which there
# are none as a rule.
NO_TABLE = re.compile(r"SCAN CONSTANT ROW|SCAN .* VIRTUAL TABLE |SCAN .* INDEX \w+_odd\b")


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
    path = tmp_path / "registry.db"
    seen = await statements(path, asked)
    with closing(sqlite3.connect(path)) as connection:
        found = {
            sql: walked(plan(connection, statement, VIEWER)) for sql, statement in seen.items()
        }

    assert {sql: steps for sql, steps in found.items() if steps} == {}


def test_a_list_that_asks_each_row_of_a_table_would_be_noticed(migrated):
    assert walked(plan(migrated, Statement("SELECT * FROM seen.contexts AS t"), VIEWER)) == [
        "SCAN own"
    ]
    assert walked(plan(migrated, Statement("SELECT * FROM listed.contexts AS t"), VIEWER)) == []
