"""SQL dumps: the same bytes for the same content, and every value exactly."""

import contextlib
import random
import re
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.backup import dump_loading, dumps
from db.commands import bulk
from db.errors import BootRefused
from db.model.searched import VOCABULARIES
from tests.support.registries import random_registries
from tests.support.registries.backups import registry

ODD = [
    "it's; -- a 'string'",
    "two\nlines; and\ttabs",
    "\r\n",
    "a\0b",
    "BEGIN TRANSACTION; COMMIT;",
    '🦊 \u2028 \ufeff $a$ ` " [ /* ',
    "",
    b"",
    b"\x00\xff",
    None,
    0,
    2**63 - 1,
    -(2**63),
    0.1,
    -0.0,
    5e-324,
    float("inf"),
    float("-inf"),
]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(
        sqlite3.connect(tmp_path / "some.db", isolation_level=None)
    ) as connection:
        yield connection


def written(connection: sqlite3.Connection) -> str:
    return "".join(dumps.statements(connection))


def read_back(text: str, path: Path) -> sqlite3.Connection:
    path.with_suffix(".sql").write_bytes(text.encode())
    path.touch()
    dump_loading.load(path.with_suffix(".sql"), path, lambda _: None)
    return sqlite3.connect(path, isolation_level=None)


def test_a_dump_and_its_restore_give_the_same_bytes(tmp_path: Path):
    path = registry(tmp_path / "registry.db")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        made = random_registries.made(7)
        for table in random_registries.ORDER:
            statement = bulk.insert_rows(table, made.of(table))
            connection.execute(statement.sql, statement.bind).fetchall()
        text = written(connection)

    with contextlib.closing(read_back(text, tmp_path / "copy.db")) as copy:
        assert written(copy) == text
        assert copy.execute("SELECT count(*) FROM connections").fetchone()[0] > 50


def test_rows_made_in_another_order_give_the_same_text(tmp_path: Path):
    texts = []

    for name, actors in (("one", "AB"), ("two", "BA")):
        path = registry(tmp_path / f"{name}.db", *(f"CHITTY-{actor}" for actor in actors))
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("UPDATE chittygraph_migrations SET applied_at = 'then'")
            lines = dumps.statements(connection)
            texts.append([line for line in lines if line.startswith('INSERT INTO "actors"')])

    assert texts[0] == texts[1]


def test_every_value_is_restored_exactly(connection: sqlite3.Connection, tmp_path: Path):
    doubles = [struct.unpack("d", random.Random(seed).randbytes(8))[0] for seed in range(500)]
    values = [*ODD, *(double for double in doubles if double == double)]
    connection.execute("CREATE TABLE odd (number INTEGER PRIMARY KEY, value)")
    connection.executemany(
        "INSERT INTO odd (value) VALUES (:value)", [{"value": v} for v in values]
    )

    with contextlib.closing(read_back(written(connection), tmp_path / "copy.db")) as copy:
        found = [value for (value,) in copy.execute("SELECT value FROM odd ORDER BY number")]

    assert list(map(repr, found)) == list(map(repr, values))


def test_a_text_that_is_not_utf_8_is_restored_byte_for_byte(
    connection: sqlite3.Connection, tmp_path: Path
):
    connection.execute("CREATE TABLE odd (value TEXT)")
    connection.execute("INSERT INTO odd VALUES (CAST(X'c3ff' AS TEXT))")

    with contextlib.closing(read_back(written(connection), tmp_path / "copy.db")) as copy:
        found = copy.execute("SELECT hex(value), typeof(value) FROM odd").fetchone()

    assert found == ("C3FF", "text")


def test_tables_come_after_those_they_refer_to(connection: sqlite3.Connection):
    connection.execute("CREATE TABLE a (b REFERENCES B (key), self REFERENCES a (b))")
    connection.execute("CREATE TABLE b (key REFERENCES c (key))")
    connection.execute("CREATE TABLE c (key PRIMARY KEY)")
    connection.execute("CREATE TABLE round_1 (other REFERENCES round_2)")
    connection.execute("CREATE TABLE round_2 (other REFERENCES round_1)")

    made = [line.split()[2] for line in dumps.statements(connection) if line.startswith("CREATE")]

    assert made == ["c", "b", "a", "round_1", "round_2"]


def test_counters_views_triggers_and_generated_columns_are_dumped(
    connection: sqlite3.Connection, tmp_path: Path
):
    for statement in (
        "CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, double AS (id * 2))",
        "INSERT INTO counted (id) VALUES (7), (41)",
        "DELETE FROM counted WHERE id = 41",
        "CREATE VIEW shown AS SELECT id FROM counted -- all of them",
        "CREATE TRIGGER kept BEFORE DELETE ON counted BEGIN SELECT 1; SELECT raise(ABORT, 'no'); END",
    ):
        connection.execute(statement)
    text = written(connection)

    with contextlib.closing(read_back(text, tmp_path / "copy.db")) as copy:
        copy.execute("INSERT INTO counted DEFAULT VALUES")

        with pytest.raises(sqlite3.Error, match="no"):
            copy.execute("DELETE FROM counted")
        assert copy.execute("SELECT id, double FROM counted").fetchall() == [(7, 14), (42, 84)]
        assert copy.execute("SELECT count(*) FROM shown").fetchone() == (2,)


def test_wranglers_own_tables_are_left_out(connection: sqlite3.Connection):
    connection.execute("CREATE TABLE _cf_METADATA (key INTEGER PRIMARY KEY, value BLOB)")
    connection.execute("CREATE TABLE d1_migrations (name TEXT)")

    text = written(connection)

    assert "_cf_" not in text
    assert "CREATE TABLE d1_migrations" in text


def test_a_virtual_table_is_refused(connection: sqlite3.Connection):
    connection.execute("CREATE VIRTUAL TABLE words USING fts5 (word)")

    with pytest.raises(BootRefused, match="words is a virtual table"):
        written(connection)


def test_a_dump_is_one_snapshot_and_leaves_the_connection_as_it_was(tmp_path: Path):
    path = registry(tmp_path / "registry.db", "CHITTY-ADA")

    with (
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection,
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as another,
    ):
        lines = dumps.statements(connection)
        begun = [next(lines), next(lines), next(lines)]
        another.execute("DELETE FROM actors")
        text = "".join([*begun, *lines])

        assert "'CHITTY-ADA'" in text
        assert not connection.in_transaction
        assert connection.text_factory is str


@pytest.mark.parametrize("made", ["by chittygraph", "by sqlite3"])
def test_indexes_of_searches_are_made_anew(tmp_path: Path, made: str):
    path = registry(tmp_path / "registry.db", "CHITTY-ADA")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE actors SET display_name = 'Zoë', status = 'active'")
        lines = list(dumps.statements(connection))
    text = "".join(lines if made == "by chittygraph" else map(as_by_sqlite3, lines))

    with contextlib.closing(read_back(text, tmp_path / "again.db")) as again:
        found = again.execute("SELECT rowid FROM actors_search ('\"\ue000zoe\"') ORDER BY rowid")
        stored = again.execute("SELECT rowid FROM actors ORDER BY rowid").fetchall()
        assert stored
        assert found.fetchall() == stored
        assert "".join(dumps.statements(again)) == "".join(lines)


def test_a_dump_has_a_space_where_wrangler_looks_for_the_end_of_a_case(tmp_path: Path):
    path = registry(tmp_path / "registry.db", "CHITTY-ADA")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "CREATE TRIGGER more AFTER INSERT ON actors BEGIN SELECT 'END,' AS \"END,\"; END"
        )
        text = "".join(dumps.statements(connection))

    assert "'END,' AS \"END,\"; END;" in text
    assert "ELSE 'deleted' END ," in text
    assert not re.search(r"'deleted' END[^\s;]", text)


def as_by_sqlite3(statement: str) -> str:
    """A statement of ours in the form of `.dump`, which copies what an index consists of."""
    if statement.startswith("INSERT INTO") and "_search" in statement.partition("(")[0]:
        return ""
    if not statement.startswith("CREATE VIRTUAL"):
        return statement
    name = statement.split()[3]
    sql = statement.rstrip(";\n").replace("'", "''")
    made = (
        "PRAGMA writable_schema=ON;\n"
        "INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)"
        f"VALUES('table','{name}','{name}',0,'{sql}');\n"
    )
    if name in VOCABULARIES:
        return made
    return (
        f"{made}CREATE TABLE IF NOT EXISTS '{name}_data'(id INTEGER PRIMARY KEY, block BLOB);\n"
        f"INSERT INTO {name}_data VALUES(1,X'00');\n"
    )
