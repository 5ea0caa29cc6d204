"""Whatever a repair or migration changes is told with the value before and after."""

import json
from pathlib import Path
from typing import Any

import pytest

from db.migrating import ledger
from db.model.tables import TABLES
from server.cli import main
from tests.support.corpus import non_canonical
from tests.support.registries import legacy_registries
from tests.support.registries.legacy_registries import CANONICAL, opened, put, rows

SHARING = {"CHITTY-ACTOR-000001-AAAA": "ada@auth", "CHITTY-ACTOR-000002-AAAA": "ada@auth"}
TOLD = [
    f"  actors {key}: chitty_auth_principal_id '{principal}' -> NULL"
    for key, principal in SHARING.items()
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


@pytest.fixture
def run(file: Path, capsys: pytest.CaptureFixture[str]):
    def run(*words: str) -> str:
        main([*words, "--database", str(file)])
        return capsys.readouterr().out

    return run


def share(file: Path) -> None:
    """Two actors of one principal, and one that has its own."""
    with opened(file) as connection:
        for key, principal in {**SHARING, "CHITTY-ACTOR-000003-AAAA": "own"}.items():
            put(
                connection,
                "actors",
                chitty_id=key,
                actor_type="human",
                chitty_auth_principal_id=principal,
                created_at=CANONICAL,
                updated_at=CANONICAL,
            )


def older(file: Path, upto: int) -> None:
    """A database of ours that lacks the later migrations."""
    legacy_registries.by_our_files(file, upto)
    with opened(file) as connection:
        connection.execute(ledger.CREATE)
        for each in ledger.load(ledger.MIGRATIONS)[:upto]:
            bind = {"name": each.name, "checksum": each.checksum, "now": CANONICAL}
            connection.execute(ledger.RECORD, bind)


def cells(file: Path) -> dict[tuple[str, Any, str], Any]:
    """Every value of the four tables."""
    return {
        (table.name, row[0], column): value
        for table in TABLES
        for row in rows(file, f"SELECT {table.key}, {', '.join(table.columns)} FROM {table.name}")
        for column, value in zip(table.columns, row[1:], strict=True)
    }


def test_actors_that_share_a_principal_are_listed_with_it_before_and_after_adoption(
    run, file: Path
):
    legacy_registries.by_hand(file)
    share(file)

    before = run("status")
    foretold, done, status = run("migrate", "--check"), run("migrate"), run("status")

    assert [line for line in before.splitlines() if "principal_id '" in line] == [
        f"        {line}" for line in TOLD
    ]
    for out in (foretold, done):
        assert "2 x actors.chitty_auth_principal_id: shared by several actors" in out
        assert [line for line in out.splitlines() if "principal_id '" in line] == TOLD
    (copy,) = file.parent.glob("registry.db.before-adoption-*")
    assert "shared by several actors\n" in status
    assert status.count(copy.name) == 1
    assert f"          the database before: {copy.name}\n" in status
    assert [line.strip() for line in status.splitlines() if "principal_id '" in line] == [
        line.strip() for line in TOLD
    ]
    assert "None" not in status
    kept = "SELECT row_key, value_before FROM replaced_values WHERE value_after IS NULL"
    assert dict(rows(file, kept)) == SHARING


def test_a_migration_of_our_own_lists_what_it_changes_too(run, file: Path):
    older(file, 14)
    share(file)
    before = file.read_bytes()

    foretold = run("migrate", "--check")
    looked = file.read_bytes()
    done, status = run("migrate"), run("status")

    assert looked == before
    for out in (foretold, done):
        assert "2 x actors.chitty_auth_principal_id: shared by several actors" in out
        assert [line for line in out.splitlines() if "principal_id '" in line] == TOLD
    assert "shared by several actors\n" in status
    assert "None" not in status


def test_a_migration_that_no_report_knows_is_told_as_well(run, file: Path):
    older(file, 5)
    with opened(file) as connection:
        for number in (1, 2):
            put(
                connection,
                "connections",
                connection_id=f"c{number}",
                source_chitty_id="CHITTY-ACTOR-000001-AAAA",
                source_type="actor",
                target_service="github",
                created_at=f"2025-10-0{number}T00:00:00.000Z",
                updated_at=CANONICAL,
            )

    out = run("migrate", "--check")

    assert "  connections c1: status 'active' -> 'inactive'" in out.splitlines()


def test_every_changed_cell_and_no_other_is_written_to_a_file(run, file: Path, tmp_path: Path):
    non_canonical.fill(file, 1)
    with opened(file) as connection:
        connection.execute("DROP TABLE chittygraph_migrations")
        for table in TABLES:
            connection.execute(f"DELETE FROM {table.name} WHERE {table.key} IS NULL")
    before = cells(file)

    run("migrate", "--check", "--changes", str(tmp_path / "foretold.jsonl"))
    run("migrate", "--changes", str(tmp_path / "done.jsonl"))

    after = cells(file)
    told = [json.loads(line) for line in (tmp_path / "done.jsonl").read_text().splitlines()]
    assert len((tmp_path / "foretold.jsonl").read_text().splitlines()) == len(told) > 50
    same_rows = before.keys() & after.keys()
    changed = {place: before[place] for place in same_rows if before[place] != after[place]}
    known = {(each["table"], each["key"], each["column"]): each["before"] for each in told}
    assert {place: shown(value) for place, value in changed.items()} == {
        place: value for place, value in known.items() if place in same_rows
    }


def shown(value: Any) -> Any:
    """As the file writes it."""
    if value in (float("inf"), float("-inf")):
        return str(value)
    return {"blob": value.hex()} if isinstance(value, bytes) else value
