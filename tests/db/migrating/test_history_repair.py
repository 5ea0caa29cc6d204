"""A history that has lost triggers is mended by the next boot, which records what changed meanwhile."""

import dataclasses
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from db.history import checkpoint, pruning
from db.migrating import history_triggers, migrator
from db.migrating.history_triggers import HISTORIED
from tests.support.registries import histories
from tests.support.registries.databases import demo_registry, elsewhere, new_registry, opened
from tests.support.registries.histories import one_of_each_table, prune_some
from tests.support.services.commands import command

TRIGGERS = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY tbl_name, rowid"
OTHER = "CREATE TRIGGER actors_history AFTER UPDATE ON actors BEGIN SELECT 1; END"
LATER = "2026-11-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_registry(tmp_path_factory.mktemp("demo") / "registry.db")


@pytest.fixture
def file(demo: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(demo, tmp_path / "registry.db"))


def run(file: Path, *statements: str) -> None:
    with elsewhere(file) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for sql in statements:
            connection.execute(sql)


def triggers(file: Path) -> dict[str, str]:
    with elsewhere(file) as connection:
        return dict(connection.execute(TRIGGERS).fetchall())


def newest(file: Path) -> int:
    with elsewhere(file) as connection:
        (sequence,) = connection.execute("SELECT max(sequence) FROM changes").fetchone()
        return int(sequence)


def changes(file: Path, after: int) -> list[dict[str, Any]]:
    with elsewhere(file) as connection:
        return histories.changes(connection, after)


def keys(file: Path, table: str, key: str) -> list[Any]:
    with elsewhere(file) as connection:
        return [value for (value,) in connection.execute(f"SELECT {key} FROM {table} ORDER BY 1")]


@pytest.mark.parametrize("names", one_of_each_table(), ids="-".join)
def test_each_trigger_that_is_gone_is_made_anew_to_the_letter(
    file: Path, demo: Path, names: list[str]
):
    run(file, *(f"DROP TRIGGER {name}" for name in names))

    migrator.migrate(file)

    # The order decides which acts first.
    assert list(triggers(file).items()) == list(triggers(demo).items())


def test_a_trigger_that_was_altered_is_replaced(file: Path, demo: Path):
    run(file, "DROP TRIGGER actors_history", OTHER)

    migrator.migrate(file)

    assert triggers(file) == triggers(demo)


def test_what_changed_meanwhile_is_recorded_as_another_programs_change(file: Path):
    everything = triggers(file)
    gone, renamed, *_ = keys(file, "connections", "connection_id")
    before = newest(file)
    run(
        file,
        *(f"DROP TRIGGER {name}" for name in everything if name in history_triggers.NAMES),
        f"DELETE FROM connections WHERE connection_id = '{gone}'",
        f"UPDATE connections SET last_error = 'late', updated_at = '{LATER}'"
        f" WHERE connection_id = '{renamed}'",
        "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)"
        f" VALUES ('NEW', 'human', '{LATER}', '{LATER}')",
        "UPDATE actors SET session_count = session_count + 1 WHERE chitty_id <> 'NEW'"
        " AND rowid = (SELECT min(rowid) FROM actors)",
    )

    migrator.migrate(file)

    found = changes(file, before)
    assert {(each["cause"], each["actor"]) for each in found} == {("external", None)}
    told = {(each["kind"], each["operation"]): each for each in found}
    assert told.keys() == {
        *(("actors", "created"), ("actors", "updated")),
        *(("connections", "updated"), ("connections", "deleted")),
    }
    assert told["actors", "created"]["after"]["chitty_id"] == "NEW"
    assert told["actors", "updated"]["is_private"] == 1
    assert told["connections", "updated"]["after"]["last_error"] == "late"
    assert told["connections", "updated"]["is_private"] == 0
    assert (told["connections", "deleted"]["key"], told["connections", "deleted"]["after"]) == (
        gone,
        None,
    )
    assert told["connections", "deleted"]["before"]["connection_id"] == gone


def test_a_boot_says_what_it_mends_once(file: Path, caplog: pytest.LogCaptureFixture):
    run(file, "DROP TRIGGER contexts_history", "UPDATE contexts SET name = name || '!'")
    count = len(keys(file, "contexts", "chitty_id"))

    with caplog.at_level(logging.WARNING):
        done = migrator.bring_up_to_date(file)
        again = migrator.bring_up_to_date(file)

    told = [
        tuple(vars(each)[name] for name in ("table", "problem", "rows"))
        for each in caplog.records
        if each.msg == "history mended"
    ]
    assert told == [
        ("contexts", "trigger contexts_history, missing", 1),
        ("contexts", "a change that was not recorded", count),
    ]
    assert [(each.table, each.problem, each.rows) for each in done.repairs] == told
    assert again.repairs == []
    assert "repaired" in command("status", "--database", file).stdout


def test_check_status_and_doctor_name_it_and_change_nothing(file: Path):
    run(file, "DROP TRIGGER contexts_history", "UPDATE contexts SET name = name || '!'")
    contents = file.read_bytes()

    found = {
        words: command(*words, "--database", file)
        for words in [("check",), ("status",), ("doctor",), ("migrate", "--check")]
    }

    assert {words: each.returncode for words, each in found.items()} == {
        ("check",): 1,
        ("status",): 0,
        ("doctor",): 1,
        ("migrate", "--check"): 1,
    }
    for each in found.values():
        assert "trigger contexts_history" in each.stdout, each
        assert each.stderr == "" or "Traceback" not in each.stderr
    assert file.read_bytes() == contents
    assert migrator.pending(file) == ["trigger contexts_history is missing"]


def test_check_fix_mends_it_and_finds_nothing_afterwards(file: Path, demo: Path):
    altered = OTHER.replace("actors_history", "changes_are_appended")
    run(file, "DROP TRIGGER contexts_history", "DROP TRIGGER changes_are_appended", altered)

    fixed = command("check", "--fix", "--database", file)

    assert fixed.returncode == 0, fixed
    assert triggers(file) == triggers(demo)
    assert command("check", "--database", file).stdout == f"{file} needs no repair\n"


def test_other_triggers_are_still_refused(file: Path):
    run(file, "DROP TRIGGER actors_canonical_instants", "DROP TRIGGER actors_history")

    done = command("migrate", "--database", file)

    assert done.returncode == 1
    assert "trigger actors_canonical_instants is missing" in done.stderr
    assert "actors_history" not in triggers(file)


def test_a_boot_that_cannot_record_changes_nothing(file: Path):
    run(file, "DROP TRIGGER contexts_history", "UPDATE contexts SET name = name || '!'")
    before = triggers(file)
    run(
        file,
        "CREATE TRIGGER no_more BEFORE INSERT ON changes BEGIN SELECT RAISE(ABORT, 'no more'); END",
    )

    with pytest.raises(Exception, match="no more"):
        migrator.migrate(file)

    assert triggers(file).keys() == {*before, "no_more"}


def test_rows_of_a_table_that_is_made_anew_are_gone_in_the_history(file: Path):
    lost, before = keys(file, "contexts", "chitty_id"), newest(file)
    run(file, "DROP TABLE contexts")

    migrator.bring_up_to_date(file, to_make=("contexts",))

    found = changes(file, before)
    assert sorted(each["key"] for each in found) == lost
    assert {(each["kind"], each["operation"], each["cause"]) for each in found} == {
        ("contexts", "deleted", "migrate.recreate")
    }


def test_a_history_that_is_made_anew_begins_with_every_row(file: Path):
    run(file, "DROP TABLE changes", "INSERT INTO checkpoint VALUES (1, 7, 'x', 0, '')")

    migrator.bring_up_to_date(file, to_make=("changes",))

    found = changes(file, 0)
    for table in HISTORIED:
        assert sorted(each["key"] for each in found if each["kind"] == table.name) == keys(
            file, table.name, table.key
        )
    assert {(each["operation"], each["cause"]) for each in found} == {
        ("created", "migrate.recreate")
    }


async def test_a_checkpoint_that_is_made_anew_is_where_it_was(file: Path):
    async with opened(file) as db:
        await prune_some(db, "2999-01-01T00:00:00.000Z", most=50, portions=1)
        run(file, f"UPDATE contexts SET name = name || '!', updated_at = '{LATER}'")
        await pruning.prune(db, "2999-01-01T00:00:00.000Z", most=newest(file) - 52)
        before = await db.read(checkpoint.growth())
    run(file, "DROP TABLE checkpoint")

    migrator.bring_up_to_date(file, to_make=("checkpoint",))

    async with opened(file) as db:
        after = await db.read(checkpoint.growth())
    assert dataclasses.replace(after, pruned_at=before.pruned_at) == before
    assert (before.changes, before.removed > 0) == (1, True)


def test_a_repair_of_an_index_of_the_history_begins_no_second_one(file: Path):
    run(file, "DROP INDEX changes_by_row")
    before = newest(file)

    fixed = command("check", "--fix", "--database", file)

    assert fixed.returncode == 0, fixed
    assert newest(file) == before


def test_a_column_that_was_added_later_is_no_change(tmp_path: Path):
    file = new_registry(tmp_path / "registry.db")
    run(
        file,
        "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)"
        f" VALUES ('A', 'human', '{LATER}', '{LATER}')",
        *history_without(file, "session_count"),
        "DROP TRIGGER actors_history",
    )

    migrator.migrate(file)

    assert newest(file) == 1


def history_without(file: Path, column: str) -> list[str]:
    """SQL that rewrites the history as it was before a column was there."""
    sql = triggers(file)["changes_are_not_updated"]
    return [
        "DROP TRIGGER changes_are_not_updated",
        f"UPDATE changes SET after = json_remove(after, '$.{column}')",
        sql,
    ]
