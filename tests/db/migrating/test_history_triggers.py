"""Triggers record each change of a row, whatever program makes it and in whatever words."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from db.migrating import history_triggers, ledger, skeleton
from db.migrating.history_triggers import HISTORIED
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES, Table
from tests.support.registries.databases import new_registry
from tests.support.registries.histories import changes

T1, T2 = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
NAIVE = "2026-01-03 00:00:00"
NUMBER_OF_WRITES = 300
ACTOR = (
    "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at) VALUES (?, 'human', ?, ?)"
)
CONTEXT = """
    INSERT {verb} INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
    VALUES (?, ?, 'A', ?, ?)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return new_registry(tmp_path / "registry.db")


@pytest.fixture(params=[False, True], ids=["once", "recursive"])
def connection(file: Path, request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    """A connection of another program, whose triggers act on what triggers do or not."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA recursive_triggers = {int(request.param)}")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        yield connection


def last(connection: sqlite3.Connection) -> dict[str, Any]:
    return changes(connection)[-1]


def changed(change: dict[str, Any]) -> set[str]:
    """The columns that a change of a row changed, of which its `before` may hold more."""
    before, after = change["before"], change["after"]
    return {name for name in before if before[name] != after[name]}


def told(connection: sqlite3.Connection, since: int = 0) -> list[tuple[Any, ...]]:
    return [
        (each["kind"], each["key"], each["operation"])
        for each in changes(connection)
        if each["sequence"] > since
    ]


def as_json(value: Any) -> Any:
    return {"blob": value.hex().upper()} if isinstance(value, bytes) else value


def rows(connection: sqlite3.Connection, table: Table[Any]) -> dict[Any, dict[str, Any]]:
    names = list(table.columns)
    return {
        row[names.index(table.key)]: {
            name: as_json(value) for name, value in zip(names, row, strict=True)
        }
        for row in connection.execute(f"SELECT {', '.join(names)} FROM {table.name}")
    }


def replayed(connection: sqlite3.Connection, table: Table[Any]) -> dict[Any, dict[str, Any]]:
    """The rows of a table as its changes tell them; each change must follow from the one before."""
    state: dict[Any, dict[str, Any]] = {}
    for change in changes(connection):
        if change["kind"] != table.name:
            continue
        known = state.get(change["key"])
        if change["operation"] == "created":
            assert known is None
        else:
            assert known is not None
            assert change["before"].items() <= known.items()
        if change["after"] is None:
            del state[change["key"]]
            continue
        if known is not None:
            differing = {name for name in known if known[name] != change["after"][name]}
            assert differing == changed(change) != set()
        state[change["key"]] = change["after"]
    return state


def begin(connection: sqlite3.Connection) -> None:
    connection.execute(ACTOR, ("A", T1, T1))


@pytest.mark.parametrize("table", HISTORIED, ids=lambda table: table.name)
def test_the_migrated_ones_are_those_declared(file: Path, table: Table[Any]):
    names = history_triggers.names(table)
    with closing(sqlite3.connect(file)) as connection:
        made = dict(
            connection.execute(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?",
                (table.name,),
            ).fetchall()
        )

    migrated = "".join("".join(f"{made[name]};".split()) for name in names)
    assert migrated == "".join(history_triggers.create(table).split())


def test_every_table_has_a_history():
    assert set(HISTORIED) == set(TABLES)


def test_a_new_column_comes_with_new_triggers(connection):
    script = skeleton.replace_history(CONTEXTS)

    for statement in ledger.Migration("9999_replace", script).statements():
        connection.execute(statement)
    begin(connection)
    connection.execute(CONTEXT.format(verb=""), ("C", "c", T1, T1))

    assert told(connection) == [("actors", "A", "created"), ("contexts", "C", "created")]


def test_another_programs_change_is_external_at_the_time_that_it_wrote(connection):
    begin(connection)
    connection.execute("UPDATE actors SET display_name = 'Ann', updated_at = ?", (T2,))

    created, updated = changes(connection)
    assert (created["at"], updated["at"]) == (T1, T2)
    assert {each["cause"] for each in (created, updated)} == {"external"}
    assert updated["before"] == {"display_name": None, "updated_at": T1}
    assert updated["after"]["display_name"] == "Ann"


def test_a_change_without_a_time_is_not_before_the_last_one(connection):
    begin(connection)
    connection.execute("UPDATE actors SET updated_at = ?", (T2,))
    connection.execute("UPDATE actors SET display_name = 'Ann'")
    connection.execute("DELETE FROM actors")

    assert [each["at"] for each in changes(connection)] == [T1, T2, T2, T2]


def test_a_change_without_a_time_tells_nothing_of_other_rows(connection):
    begin(connection)
    connection.execute(ACTOR, ("B", T2, T2))
    connection.execute("UPDATE actors SET display_name = 'Ann' WHERE chitty_id = 'A'")
    connection.execute("DELETE FROM actors WHERE chitty_id = 'A'")

    assert [each["at"] for each in changes(connection) if each["key"] == "A"] == [T1, T1, T1]


def test_what_changes_nothing_is_not_recorded(connection):
    begin(connection)
    connection.execute("UPDATE actors SET updated_at = updated_at, status = 'active'")
    connection.execute("INSERT OR IGNORE" + ACTOR.removeprefix("INSERT"), ("A", T2, T2))

    assert told(connection) == [("actors", "A", "created")]


def test_soft_deletion_and_its_reverse_are_told_apart_from_updates(connection):
    begin(connection)
    for status in ("suspended", "deleted", "active"):
        connection.execute("UPDATE actors SET status = ?", (status,))

    operations = [each["operation"] for each in changes(connection)]
    assert operations == ["created", "updated", "deleted", "restored"]


@pytest.mark.parametrize("written", [NAIVE, 1767398400], ids=["naive", "epoch"])
def test_instants_in_other_forms_are_recorded_as_they_are_kept_in_one_change(connection, written):
    connection.execute(ACTOR, ("A", written, written))
    connection.execute("UPDATE actors SET last_seen_at = ?", (written,))

    created, seen = changes(connection)
    assert created["after"]["created_at"] == created["at"] == "2026-01-03T00:00:00.000Z"
    assert changed(seen) == {"last_seen_at"}
    assert seen["after"]["last_seen_at"] == "2026-01-03T00:00:00.000Z"


def test_what_json_cannot_hold_is_recorded(connection):
    begin(connection)
    connection.execute("UPDATE actors SET display_name = ?, session_count = 0.5", (b"\x00\xff",))
    connection.execute("UPDATE actors SET display_name = 'a' || char(0) || 'b'")

    *_, blob, text = changes(connection)
    assert blob["after"]["display_name"] == {"blob": "00FF"}
    assert blob["after"]["session_count"] == 0.5
    assert text["before"] == {"display_name": {"blob": "00FF"}}
    assert text["after"]["display_name"] == "a\0b"


def test_a_row_replaced_under_its_key_is_updated_or_deleted_and_created(connection):
    begin(connection)
    connection.execute(CONTEXT.format(verb=""), ("C", "c", T1, T1))
    connection.execute(CONTEXT.format(verb="OR REPLACE"), ("C", "other", T1, T2))

    operations = [operation for kind, _, operation in told(connection) if kind == "contexts"]
    assert operations in (["created", "updated"], ["created", "deleted", "created"])
    assert replayed(connection, CONTEXTS) == rows(connection, CONTEXTS)


def test_a_row_replaced_by_another_key_is_deleted(connection):
    begin(connection)
    for key in "CD":
        connection.execute(CONTEXT.format(verb=""), (key, key, T1, T1))
    connection.execute(CONTEXT.format(verb="OR REPLACE"), ("E", "C", T1, T1))
    connection.execute("UPDATE OR REPLACE contexts SET name = 'D' WHERE chitty_id = 'E'")

    assert sorted(told(connection)[3:]) == [
        ("contexts", "C", "deleted"),
        ("contexts", "D", "deleted"),
        ("contexts", "E", "created"),
        ("contexts", "E", "updated"),
    ]
    assert replayed(connection, CONTEXTS) == rows(connection, CONTEXTS)


def test_a_changed_key_ends_one_row_and_begins_another(connection):
    begin(connection)
    connection.execute("UPDATE actors SET chitty_id = 'B'")

    assert told(connection)[1:] == [("actors", "A", "deleted"), ("actors", "B", "created")]


def test_only_private_columns_are_marked(connection):
    begin(connection)
    connection.execute("UPDATE actors SET email = 'a@b.example', session_count = 1")
    connection.execute("UPDATE actors SET email = NULL, display_name = 'Ann'")

    assert [each["is_private"] for each in changes(connection)] == [0, 1, 0]


def test_the_writer_is_recorded_for_its_transaction(connection):
    connection.execute("BEGIN")
    connection.execute("INSERT INTO writing VALUES (1, 'B', 'createContext', 'r1', ?)", (T2,))
    begin(connection)
    connection.execute("DELETE FROM writing")
    connection.execute("COMMIT")

    change = last(connection)
    assert (change["at"], change["actor"], change["cause"]) == (T2, "B", "createContext")
    assert change["request_id"] == "r1"


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE changes SET cause = 'x'",
        "DELETE FROM changes",
        "INSERT OR REPLACE INTO changes SELECT * FROM changes",
        "REPLACE INTO changes (sequence, at, cause, kind, key, operation, is_private)"
        " VALUES (1, 'x', 'x', 'x', 'x', 'updated', 0)",
        "INSERT INTO changes (sequence, at, cause, kind, key, operation, is_private)"
        " VALUES (9000, 'x', 'x', 'x', 'x', 'updated', 0)",
        "INSERT INTO changes (sequence, at, cause, kind, key, operation, is_private)"
        " VALUES (-1, 'x', 'x', 'x', 'x', 'updated', 0)",
        "UPDATE OR REPLACE changes SET sequence = 1",
    ],
)
def test_the_history_is_only_appended_to(connection, forged: str):
    begin(connection)
    before = changes(connection)

    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(forged)

    assert changes(connection) == before


def test_a_write_undone_leaves_no_gap(connection):
    begin(connection)
    connection.execute("BEGIN")
    connection.execute(ACTOR, ("B", T1, T1))
    connection.execute("ROLLBACK")
    connection.execute(ACTOR, ("C", T1, T1))

    assert [(each["sequence"], each["key"]) for each in changes(connection)] == [(1, "A"), (2, "C")]


def test_random_writes_of_another_program_can_be_replayed(connection):
    chance = random.Random(20260101)
    for number in range(NUMBER_OF_WRITES):
        sql, values = _random_write(chance)
        with suppress(sqlite3.IntegrityError):
            connection.execute(sql, values)
        if number % 20 == 0:
            for table in TABLES:
                assert replayed(connection, table) == rows(connection, table), (number, sql, values)

    for table in TABLES:
        assert replayed(connection, table) == rows(connection, table)
    told = [each["sequence"] for each in changes(connection)]
    assert told == list(range(1, len(told) + 1))
    assert len(told) > NUMBER_OF_WRITES / 2


def _random_write(chance: random.Random) -> tuple[str, dict[str, Any]]:
    table = chance.choice(TABLES)
    row = {name: _random_value(chance, table, name) for name in table.columns}
    given = list(row)
    if chance.random() < 0.3:
        conflict = chance.choice(["", "OR REPLACE ", "OR IGNORE "])
        changed = chance.sample(given, chance.randint(1, 4))
        settings = ", ".join(f"{name} = :{name}" for name in changed)
        where = f"WHERE {table.key} = :old" if chance.random() < 0.9 else ""
        return (
            f"UPDATE {conflict}{table.name} SET {settings} {where}",
            {**row, "old": _random_value(chance, table, table.key)},
        )
    if chance.random() < 0.15:
        return f"DELETE FROM {table.name} WHERE {table.key} = :{table.key}", row
    conflict, upsert = chance.choice(
        [
            ("OR REPLACE ", ""),
            ("OR IGNORE ", ""),
            ("", ""),
            (
                "",
                f"ON CONFLICT ({table.key}) DO UPDATE SET"
                f" {table.newest} = excluded.{table.newest}, updated_at = excluded.updated_at",
            ),
        ]
    )
    values = ", ".join(f":{name}" for name in given)
    return (
        f"INSERT {conflict}INTO {table.name} ({', '.join(given)}) VALUES ({values}) {upsert}",
        row,
    )


_FEW: dict[tuple[str, str], list[Any]] = {
    ("installations", "installation_id"): [1, 2, 3],
    ("connections", "installation_id"): [None, 1],
    ("actors", "status"): ["active", "deleted"],
    ("contexts", "status"): ["active", "deleted"],
    ("connections", "status"): ["active", "active", "disconnected"],
}


def _random_value(chance: random.Random, table: Table[Any], name: str) -> Any:
    if (table.name, name) in _FEW:
        return chance.choice(_FEW[table.name, name])
    if name.endswith(("_at", "_check")):
        return chance.choice([T1, T2, NAIVE, 1767398400, "yesterday"])
    if name in ("data", "systems", "tools", "capabilities", "events", "selected_repositories"):
        return chance.choice(["[]", '["a"]'])
    if name in ("config", "permissions"):
        return chance.choice(["{}", '{"a": 1}'])
    return chance.choice(["a", "b", "c", b"\x01" if name == "display_name" else "d"])


def test_each_row_that_is_older_than_its_history_gets_a_first_change(tmp_path: Path):
    migrations = ledger.load(ledger.MIGRATIONS)
    begins = next(n for n, each in enumerate(migrations) if each.name.startswith("0020"))
    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as connection:
        for migration in migrations[:begins]:
            for statement in migration.statements():
                connection.execute(statement)
        begin(connection)
        connection.execute(CONTEXT.format(verb=""), ("C", "c", T1, T2))
        for statement in migrations[begins].statements():
            connection.execute(statement)

        assert [(each["kind"], each["at"], each["cause"]) for each in changes(connection)] == [
            ("actors", T1, "migrate"),
            ("contexts", T2, "migrate"),
        ]
        for table in (ACTORS, INSTALLATIONS, CONTEXTS, CONNECTIONS):
            assert replayed(connection, table) == rows(connection, table)
