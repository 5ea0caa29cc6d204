"""Values that rqlite gives back otherwise than they are stored, and why the registry has none of them."""

import re
import sqlite3

import pytest

from db import database_url
from db.consistency import NOW
from db.model import searched
from db.open_database import open_transport
from db.remote.transport import Bound
from tests.support.other_programs.rqlite import Cluster
from tests.support.paths import source_files

# Drivers of rqlite reshape what columns of these types hold, and BLOBs come back as text.
RESHAPED = {"DATE", "DATETIME", "TIMESTAMP", "BOOLEAN", "BOOL", "BLOB"}
# Each node runs each statement: what these give would differ between their copies.
DIFFERING = re.compile(
    r"'now'|\b(random|randomblob|current_time|current_date|current_timestamp)\b", re.I
)
OF_STRINGS = re.compile(r'"""(.*?)"""|"([^"\n]*)"', re.DOTALL)
WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|REPLACE)\b")


def test_no_column_of_the_registry_has_a_type_that_rqlite_reshapes(migrated: sqlite3.Connection):
    columns = migrated.execute(
        "SELECT m.name, c.name, upper(c.type) FROM sqlite_master AS m, pragma_table_xinfo(m.name) AS c"
        " WHERE m.type = 'table'"
    ).fetchall()

    assert len(columns) > 100
    # Wrangler's own and those of searches, which nothing reads.
    reshaped = [each for each in columns if each[2] in RESHAPED and each[0] not in searched.PARTS]
    assert reshaped == [("d1_migrations", "applied_at", "TIMESTAMP")]


async def test_a_cast_keeps_what_a_reshaped_column_holds(one_node: Cluster):
    """For registries that were adopted: their columns have the types that they had."""
    (node,) = one_node.nodes
    node.execute(
        "CREATE TABLE IF NOT EXISTS reshaped (at DATETIME, flag BOOLEAN)",
        "DELETE FROM reshaped",
        "INSERT INTO reshaped VALUES ('2025-10-21 18:52:06', 1)",
    )
    transport = open_transport(database_url.parse(one_node.url))
    try:
        plain, cast, packed = await transport.send(
            [
                Bound("SELECT at, flag FROM reshaped", {}),
                Bound("SELECT CAST(at AS TEXT), CAST(flag AS INTEGER) FROM reshaped", {}),
                Bound("SELECT json_array(at, flag) FROM reshaped", {}),
            ],
            write=False,
            at=NOW,
            seconds=60.0,
        )
    finally:
        await transport.close()

    assert plain == [("2025-10-21T18:52:06Z", True)]
    assert cast == [("2025-10-21 18:52:06", 1)]
    assert packed == [('["2025-10-21 18:52:06",1]',)]


@pytest.mark.parametrize(
    "text",
    [
        text
        for path in source_files("db")
        for found in OF_STRINGS.finditer(path.read_text())
        if WRITES.search(text := found[1] or found[2] or "")
    ],
)
def test_no_statement_that_writes_gives_each_node_another_value(text: str):
    assert not DIFFERING.search(text)


def test_no_trigger_gives_each_node_another_value(migrated: sqlite3.Connection):
    triggers = migrated.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")

    assert [name for name, sql in triggers if DIFFERING.search(sql)] == []
