"""Registries in which repairs meet obstacles: constraints, triggers, killed programs, full disks."""

import subprocess
import sys
from pathlib import Path

import pytest

from db.errors import BootRefused
from db.migrating import ledger, migrator
from tests.support.registries import legacy_registries
from tests.support.registries.legacy_registries import CANONICAL_OLDER, CONTEXT, OWNER, opened, rows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("loosely", "change", "told"),
    [
        (
            True,
            "INSERT INTO contexts (chitty_id, name) VALUES ('CHITTY-A', NULL), ('CHITTY-B', 'CHITTY-A')",
            "contexts has rows without a name of their own: CHITTY-A",
        ),
        (
            True,
            "INSERT INTO contexts (chitty_id, name) VALUES ('CHITTY-A', 'a'), (x'4348495454592d41', 'b')",
            "contexts has rows without a chitty_id of their own: CHITTY-A",
        ),
        (
            False,
            "INSERT INTO contexts (chitty_id, name, owner_chitty_id)"
            " VALUES ('CHITTY-A', 'a', 'x'), ('CHITTY-B', x'61', 'x')",
            "breaks a rule: UNIQUE constraint failed: contexts.name",
        ),
        (
            False,
            "CREATE TABLE copied AS SELECT * FROM contexts; DROP TABLE contexts;"
            "CREATE TABLE contexts (chitty_id TEXT PRIMARY KEY, name TEXT UNIQUE, owner_chitty_id, data,"
            " systems, tools, created_at TEXT CHECK (length(created_at) = 19), updated_at, deleted_at,"
            " chitty_dna_id, chitty_chronicle_timeline_id, status);"
            "INSERT INTO contexts SELECT * FROM copied",
            "breaks a rule: CHECK constraint failed: length(created_at) = 19",
        ),
    ],
    ids=["a name made up", "an id as bytes", "a name as bytes", "a check of others"],
)
def test_a_repair_that_would_violate_a_rule_is_refused_and_changes_nothing(
    file: Path, loosely: bool, change: str, told: str
):
    legacy_registries.by_hand(file, loosely=loosely)
    with opened(file) as connection:
        connection.executescript(change)
    before = contents(file.parent)

    for look in (migrator.migrate, migrator.inspect, migrator.check):
        with pytest.raises(BootRefused, match="cannot be adopted") as refused:
            look(file)

        assert told in str(refused.value)
        assert contents(file.parent) == before


def test_duplicates_that_differ_in_case_are_repaired_despite_a_foreign_unique_index(file: Path):
    legacy_registries.by_hand(file)
    with opened(file) as connection:
        for key, status in [("a", "active"), ("b", "Active")]:
            legacy_registries.put(
                connection,
                "connections",
                connection_id=key,
                source_chitty_id=OWNER,
                source_type="actor",
                target_service="github",
                target_endpoint="/user",
                status=status,
            )

    migrator.migrate(file)

    found = "SELECT connection_id, status FROM connections WHERE target_endpoint = '/user'"
    assert dict(rows(file, found)) == {"a": "inactive", "b": "active"}
    assert rows(
        file, "SELECT 1 FROM sqlite_master WHERE name = 'idx_connections_source_target_unique'"
    )


def test_a_foreign_trigger_does_not_act_on_repairs_whatever_the_case_of_its_names(
    file: Path,
):
    legacy_registries.by_hand(file)
    with opened(file) as connection:
        connection.executescript(
            "ALTER TABLE contexts RENAME TO c; ALTER TABLE c RENAME TO Contexts;"
            'CREATE TRIGGER "say ""no" BEFORE UPDATE ON Contexts BEGIN SELECT raise(ABORT, 1); END'
        )

    migrator.migrate(file)

    assert rows(file, "SELECT created_at FROM contexts") == [(CANONICAL_OLDER,)]
    triggers = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql NOT LIKE '%instants%'"
        " AND sql NOT LIKE '%changes%' AND sql NOT LIKE '%replaced%' AND sql NOT LIKE '%search%'"
    )
    assert rows(file, triggers) == [('say "no',)]


MANY = f"""
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
    SELECT 'c' || i, '{CONTEXT}', 'context', 's' || i FROM n
"""
HALF = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute("UPDATE connections SET target_service = target_service || 'x'")
connection.execute("UPDATE contexts SET name = 'half'")
os.kill(os.getpid(), 9)
"""


def test_half_a_transaction_is_rolled_back_and_an_inspection_does_so_in_a_copy(file: Path):
    legacy_registries.by_hand(file)
    with opened(file) as connection:
        connection.execute(MANY)
    subprocess.run([sys.executable, "-c", HALF, str(file)], check=False)
    before = contents(file.parent)

    status = migrator.inspect(file)
    looked = contents(file.parent)
    migrator.migrate(file)

    assert "registry.db-journal" in before
    assert looked == before
    assert len(status.recognised) == 4
    assert rows(file, "SELECT name FROM contexts") == [("harbour",)]
    assert rows(file, "SELECT 1 FROM connections WHERE target_service LIKE '%x'") == []


CRAMPED = """
import resource, sys
from db.migrating import ledger, migrator
from db.errors import BootRefused
size = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
try:
    migrator.migrate(sys.argv[1])
except BootRefused as refused:
    print(refused)
"""


def test_a_full_disk_during_adoption_changes_no_byte(file: Path):
    legacy_registries.by_hand(file)
    with opened(file) as connection:
        connection.execute(MANY)
    before = contents(file.parent)

    ended = subprocess.run(
        [sys.executable, "-c", CRAMPED, str(file), str(file.stat().st_size * 3 // 2)],
        cwd=ledger.MIGRATIONS.parent,
        text=True,
        capture_output=True,
        check=False,
    )

    assert ended.stderr == ""
    assert f"{file} cannot be opened or migrated" in ended.stdout
    assert contents(file.parent) == before
