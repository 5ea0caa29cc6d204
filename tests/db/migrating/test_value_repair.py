"""Stored values become canonical when a registry is adopted, and no original is lost."""

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from db.errors import BootRefused
from db.migrating import migrator
from db.model import value_repair
from db.model.tables import TABLES
from tests.support.corpus import answers, non_canonical, operations, pool
from tests.support.registries import legacy_registries
from tests.support.registries.legacy_registries import CANONICAL, CONTEXT, OWNER, opened, put, rows
from tests.support.services.api import running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


def replaced(file: Path) -> dict[tuple[str, str], tuple[Any, Any]]:
    """What stood and stands in each place whose value was replaced."""
    found = rows(
        file,
        "SELECT table_name, row_key, column_name, value_before, value_after FROM replaced_values",
    )
    return {(f"{table}.{column}", key): (was, now) for table, key, column, was, now in found}


def test_a_constraint_that_forbids_a_repair_is_reported_and_leaves_no_copy(file: Path):
    with opened(file) as connection:
        connection.executescript(
            legacy_registries.TABLES.replace(
                "deleted_at TEXT DEFAULT NULL,",
                "deleted_at TEXT DEFAULT NULL CHECK (length(created_at) = 19),",
            )
        )
        legacy_registries.fill(connection)

    with pytest.raises(
        BootRefused, match=r"repairing what it holds breaks a rule: CHECK constraint failed"
    ):
        migrator.migrate(file)

    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert rows(file, "SELECT created_at FROM contexts") == [(legacy_registries.OLDER,)]
    assert rows(file, "SELECT name FROM sqlite_master WHERE name LIKE 'chittygraph%'") == []


def test_each_unknown_owner_and_source_gets_an_actor_of_the_type_that_its_id_names(file: Path):
    legacy_registries.by_hand(file, loosely=True)
    with opened(file) as connection:
        for number, source in enumerate(
            ["CHITTY-AI-000001-AAAA", "CHITTY-SERVICE-000001-AAAA", "CHITTY-SYS-X", "odd", None]
        ):
            put(
                connection,
                "connections",
                connection_id=f"c{number}",
                source_chitty_id=source,
                source_type="context",
                target_service="x",
                created_at=legacy_registries.OLD,
                updated_at=legacy_registries.OLD,
            )

    migrator.migrate(file)

    assert dict(rows(file, "SELECT chitty_id, actor_type FROM actors")) == {
        OWNER: "human",
        "CHITTY-AI-000001-AAAA": "ai",
        "CHITTY-SERVICE-000001-AAAA": "service",
        "CHITTY-SYS-X": "system",
        "CHITTY-UNKNOWN": "system",
        "odd": "system",
    }
    assert rows(
        file, "SELECT DISTINCT source_type FROM connections WHERE connection_id <> 'first'"
    ) == [("actor",)]
    assert replaced(file)["connections.source_type", "c0"] == ("context", "actor")
    assert rows(file, "PRAGMA foreign_key_check") == []


def test_of_several_active_connections_to_one_place_only_the_newest_stays_active(file: Path):
    legacy_registries.by_hand(file, loosely=True)
    with opened(file) as connection:
        for key, status, created in [
            ("newest", None, "2025-11-01 00:00:00"),
            ("between", "ACTIVE", "2025-10-25 00:00:00"),
        ]:
            put(
                connection,
                "connections",
                connection_id=key,
                source_chitty_id=CONTEXT,
                source_type="context",
                target_service="github",
                target_endpoint="",
                status=status,
                created_at=created,
                updated_at=created,
            )

    migrator.migrate(file)

    assert dict(rows(file, "SELECT connection_id, status FROM connections")) == {
        "first": "inactive",
        "between": "inactive",
        "newest": "active",
    }
    assert replaced(file)["connections.status", "first"] == ("active", "inactive")


MENDED = [
    (
        "contexts",
        "created_at",
        "2025-10-21T20:52:06.123456+02:00",
        "2025-10-21T18:52:06.123Z",
        True,
    ),
    ("contexts", "created_at", "2025-10-21T18:52:06Z", CANONICAL, False),
    ("contexts", "created_at", 1761072726, CANONICAL, False),
    ("contexts", "created_at", 1761072726000, CANONICAL, False),
    ("contexts", "created_at", 1761072726.0, CANONICAL, False),
    ("contexts", "created_at", "1761072726", CANONICAL, False),
    ("contexts", "created_at", "1761072726000", CANONICAL, False),
    ("contexts", "created_at", "1761072726.5", "2025-10-21T18:52:06.500Z", False),
    ("contexts", "created_at", "1761072726000.25", CANONICAL, True),
    ("contexts", "created_at", "2025-10-21t18:52:06z", CANONICAL, False),
    ("contexts", "created_at", 86400, "1970-01-02T00:00:00.000Z", True),
    ("contexts", "created_at", "yesterday", CANONICAL, True),
    ("contexts", "created_at", None, CANONICAL, False),
    ("contexts", "deleted_at", "long ago", CANONICAL, True),
    ("contexts", "deleted_at", "", None, False),
    ("contexts", "status", "archived", "inactive", True),
    ("contexts", "status", None, "active", False),
    ("contexts", "status", " Deleted", "deleted", False),
    ("contexts", "tools", "[not json", "[]", True),
    ("contexts", "tools", '[1, "b", {"full_name": "o/r"}]', '["1", "b", "o/r"]', True),
    ("contexts", "tools", '{"a": 1}', "[]", True),
    ("contexts", "name", None, CONTEXT, False),
    ("contexts", "name", b"\xff\xfe", "\ufffd\ufffd", True),
    ("contexts", "owner_chitty_id", f"did:chitty:{OWNER}", OWNER, False),
    ("installations", "uninstalled_at", "gone", CANONICAL, True),
    ("installations", "suspended_at", "no", CANONICAL, True),
    ("installations", "account_type", "Bot", "User", True),
    ("installations", "account_type", "organization", "Organization", False),
    ("installations", "account_id", "70", 70, False),
    ("installations", "repository_selection", None, "selected", False),
    ("installations", "permissions", "", "{}", False),
    ("connections", "last_used_at", "1761072726", CANONICAL, False),
    ("connections", "last_used_at", "never", None, True),
    ("connections", "request_count", "many", 0, True),
    ("connections", "request_count", 3.0, 3, False),
    ("connections", "connection_type", "grpc", "api", True),
    ("connections", "status", "broken", "inactive", True),
    ("connections", "source_type", "ctx", "context", True),
    ("connections", "target_service", 7, "7", False),
    ("connections", "config", "[1]", "{}", True),
    ("connections", "config", '{"a":1e400,"b":[NaN]}', '{"a": "1e400", "b": ["NaN"]}', True),
    ("connections", "config", f'{{"a":{"9" * 5000}}}', f'{{"a": "{"9" * 5000}"}}', True),
    ("connections", "config", '{"a":"\\ud83e!"}', '{"a": "\ufffd!"}', True),
    (
        "connections",
        "config",
        '{"a":' * 70 + "1" + "}" * 70,
        '{"a": ' * 64 + json.dumps('{"a": ' * 6 + "1" + "}" * 6) + "}" * 64,
        True,
    ),
    ("contexts", "tools", '["\\ud83e!", 1e400]', '["\ufffd!", "1e400"]', True),
]


DEPENDS_ON = {"deleted_at": "status"}  # columns that are repaired by others


def registries_full() -> list[list[tuple[Any, ...]]]:
    """Those values, each once, in registries that hold one in each column: an adoption takes long."""
    registries: list[list[tuple[Any, ...]]] = []
    filled: Counter[tuple[str, str]] = Counter()
    for each in MENDED:
        place = (each[0], DEPENDS_ON.get(each[1], each[1]))
        if filled[place] == len(registries):
            registries.append([])
        registries[filled[place]].append(each)
        filled[place] += 1
    return registries


def test_a_stored_value_is_repaired_and_a_lost_original_is_kept(tmp_path: Path):
    for number, stored in enumerate(registries_full()):
        file = legacy_registries.by_hand(tmp_path / f"{number}.db", loosely=True)
        with opened(file) as connection:
            for table, column, before, _, _ in stored:
                connection.execute(f"UPDATE {table} SET {column} = ?", (before,))

        done = migrator.bring_up_to_date(file)

        repaired = {(repair.table, repair.column) for repair in done.repairs}
        kept = {place: values for (place, _), values in replaced(file).items()}
        for table, column, before, after, is_kept in stored:
            assert rows(file, f"SELECT {column} FROM {table}") == [(after,)]
            assert (table, column) in repaired
            assert kept.get(f"{table}.{column}") == ((before, after) if is_kept else None)
        assert migrator.check(file).repairs == []


LEFT = [
    '{"a":12345678901234567890,"a":-99999999999999999999.5,"b":-0}',
    '{"a":' * 20_000 + "1" + "}" * 20_000,
]


@pytest.mark.parametrize("config", LEFT, ids=["long numbers and a key twice", "20,000 levels"])
def test_what_needs_no_repair_or_cannot_be_repaired_is_never_emptied(file: Path, config: str):
    legacy_registries.by_hand(file, loosely=True)
    with opened(file) as connection:
        connection.execute("UPDATE connections SET config = ?", (config,))

    migrator.bring_up_to_date(file)
    left = migrator.check(file).repairs
    migrator.repair(file)

    assert rows(file, "SELECT config FROM connections") == [(config,)]
    assert [repair.problem for repair in left] == [value_repair.TOO_DEEP] * (config == LEFT[1])


def test_a_check_that_forbids_what_can_be_stored_here_is_widened(file: Path):
    legacy_registries.by_hand(file)

    migrator.migrate(file)
    with opened(file) as connection:
        connection.execute("UPDATE installations SET account_type = 'Enterprise'")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("UPDATE installations SET account_type = 'Bot'")

    assert rows(file, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("seed", [1, 2])
async def test_an_adopted_registry_answers_any_operation_whatever_it_stored(file: Path, seed: int):
    non_canonical.fill(file, seed)
    with opened(file) as connection:
        connection.execute("DROP TABLE chittygraph_migrations")
        for table in TABLES:
            connection.execute(f"DELETE FROM {table.name} WHERE {table.key} IS NULL")

    async with running(file) as api:
        found = pool.read(file)
        await pool.harvest(api, found, operations.GRAPHQL)
        told = [
            await answers.ask(api, operations.query(found, seed, number)) for number in range(60)
        ]

    assert migrator.check(file).repairs == []
    assert [answers.fault(answer) for answer in told] == [None] * 60
    assert [answer.body for answer in told if "UNREADABLE" in answer.body.upper()] == []
