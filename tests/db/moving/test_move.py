"""Moving a registry between files: exactly, going on after any end, and never over another registry."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from db.errors import BootRefused
from db.migrating import ledger, migrator
from db.migrating.ledger import UNFINISHED_MOVE
from db.moving.moved_tables import moved_tables
from tests.support.registries import legacy_registries, original_registry
from tests.support.registries.backups import registry
from tests.support.registries.databases import new_registry
from tests.support.registries.hard_registry import hard_registry
from tests.support.registries.moved_registries import dump, killed, moved, peak_memory, write
from tests.support.registries.persons import differences
from tests.support.services.commands import command

RENAME = "UPDATE actors SET display_name = 'renamed' WHERE chitty_id = 'CHITTY-ADA'"
TRIGGERS = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"
LONG = pytest.mark.thorough


@pytest.fixture
def hard(tmp_path: Path) -> Path:
    return hard_registry(tmp_path / "hard.db", only_files=True)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return registry(tmp_path / "small.db", "CHITTY-ADA", "CHITTY-BEN")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target.db"


class Stop(Exception):
    """Ends a move in the middle."""


def stop_at(label: str) -> Callable[[str], None]:
    def at(reached: str) -> None:
        if reached == label:
            raise Stop

    return at


def ended_at(label: str, source: Path, target: Path) -> None:
    with pytest.raises(Stop):
        moved(source, target, stop_at(label))


def doing(label: str, work: Callable[[], object]) -> Callable[[str], None]:
    def at(reached: str) -> None:
        if reached == label:
            work()

    return at


def refusal(source: Path, target: Path, at: Callable[[str], None] = lambda _: None) -> str:
    with pytest.raises(BootRefused) as refused:
        moved(source, target, at)
    return str(refused.value)


def read(file: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql).fetchall()


def test_everything_is_moved_exactly_as_it_is_stored(hard: Path, target: Path):
    before = hard.read_bytes()

    done = moved(hard, target)

    assert dump(target) == dump(hard)
    assert differences(target) == differences(hard)
    assert hard.read_bytes() == before
    assert not done.was_done
    assert done.checksums["connections"].rows == 701
    assert str(done.others) == ""


@LONG
def test_a_registry_that_was_made_by_another_program_is_moved(tmp_path: Path, target: Path):
    adopted = original_registry.adopted(tmp_path / "adopted.db")

    done = moved(adopted, target)

    for table in moved_tables(ledger.load(ledger.MIGRATIONS)):
        rows = (
            f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {', '.join(table.key)}"
        )
        assert read(target, rows) == read(adopted, rows)
    assert done.checksums["contexts"].rows > 0


def test_the_moved_registry_goes_on(small: Path, target: Path):
    moved(small, target)

    write(target, RENAME)

    assert read(target, "SELECT max(sequence) FROM changes") == [(3,)]
    assert read(target, TRIGGERS) == read(small, TRIGGERS)
    assert differences(target) == []
    assert migrator.inspect(target).pending == ()


def test_a_second_move_finds_that_it_is_done(small: Path, target: Path):
    first = moved(small, target)
    before = target.read_bytes()

    second = moved(small, target)

    assert second.was_done
    assert second.sha256 == first.sha256
    assert target.read_bytes() == before


def test_registries_with_different_rows_have_different_checksums(
    small: Path, tmp_path: Path, target: Path
):
    other = registry(tmp_path / "other.db", "CHITTY-ADA", "CHITTY-EVE")

    assert moved(small, target).sha256 != moved(other, tmp_path / "second.db").sha256


def test_a_registry_is_never_moved_over_another(small: Path, tmp_path: Path):
    other = registry(tmp_path / "other.db", "CHITTY-EVE")
    before = dump(other)

    assert "holds a registry, which a move never changes" in refusal(small, other)
    assert dump(other) == before


def test_a_target_that_goes_on_after_its_move_is_a_registry_of_its_own(small: Path, target: Path):
    moved(small, target)
    write(target, RENAME)

    assert "holds a registry" in refusal(small, target)


def test_a_registry_is_not_moved_to_itself(small: Path):
    assert "is the source itself" in refusal(small, small)


def test_the_tables_of_another_program_are_left_alone(small: Path, target: Path):
    write(target, "CREATE TABLE songs (title TEXT)")

    message = refusal(small, target)

    assert "holds the tables of another program, songs" in message
    assert read(target, "SELECT name FROM sqlite_master") == [("songs",)]


def test_an_empty_registry_that_a_server_has_started_on_is_a_target(small: Path, target: Path):
    new_registry(target)
    write(target, "INSERT INTO server_keys VALUES ('cursors', 'other', 'now')")

    moved(small, target)

    assert dump(target) == dump(small)


def test_an_empty_registry_is_moved(tmp_path: Path, target: Path):
    empty = new_registry(tmp_path / "empty.db")

    assert moved(empty, target).checksums["actors"].rows == 0
    assert moved(empty, target).checksums["actors"].rows == 0
    assert dump(target) == dump(empty)


def test_what_other_programs_keep_beside_the_registry_is_named_and_left(small: Path, target: Path):
    write(small, "CREATE TABLE songs (title TEXT)")
    write(small, "ALTER TABLE contexts ADD COLUMN colour TEXT")

    assert str(moved(small, target).others) == "songs, contexts.colour"


@pytest.mark.parametrize("kills", [(1, 5), pytest.param((1, 3, 4, 5, 6), marks=LONG)])
def test_a_move_goes_on_after_kills(hard: Path, target: Path, kills: tuple[int, ...]):
    codes = {killed(hard, target, after) for after in kills}

    assert codes == {-9}
    assert read(target, f"SELECT sum(rows) > 0 FROM {UNFINISHED_MOVE}") == [(1,)]
    assert not moved(hard, target).was_done
    assert dump(target) == dump(hard)


def test_a_move_that_is_killed_when_it_has_just_ended_has_ended(small: Path, target: Path):
    # It begins in two writes, copies actors, changes and a key, and ends.
    assert killed(small, target, 2 * 5 + 1) == -9

    assert moved(small, target).was_done
    assert dump(target) == dump(small)


@pytest.mark.parametrize(
    "label",
    [
        "copying contexts",
        *(pytest.param(each, marks=LONG) for each in ("copying server_keys", "verifying changes")),
    ],
)
def test_half_a_registry_is_served_by_nobody(hard: Path, target: Path, label: str):
    ended_at(label, hard, target)

    for words in (["status"], ["migrate"], ["check"], ["serve"], ["export", "--sql"]):
        done = command(*words, "--database", target)
        assert done.returncode == 1, words
        assert "`chittygraph move` has not finished" in done.stderr, words
    assert moved(hard, target).checksums
    assert dump(target) == dump(hard)


def test_half_a_registry_is_not_moved_on(hard: Path, target: Path, tmp_path: Path):
    ended_at("copying contexts", hard, target)

    assert "has not finished" in refusal(target, tmp_path / "third.db")


def test_nobody_else_writes_while_a_registry_is_moved(small: Path, target: Path):
    ended_at("copying contexts", small, target)

    with pytest.raises(sqlite3.IntegrityError, match="chittygraph move has not finished"):
        write(target, "INSERT INTO writing (place, cause, at) VALUES (1, 'test', 'now')")


def test_another_registry_does_not_go_on_with_a_move(small: Path, hard: Path, target: Path):
    ended_at("copying contexts", small, target)

    assert "holds the beginning of another registry" in refusal(hard, target)


def test_a_move_begins_anew_if_that_is_wanted(small: Path, hard: Path, target: Path):
    ended_at("copying contexts", small, target)

    moved(hard, target, restarts=True)

    assert dump(target) == dump(hard)


def test_emptying_a_target_goes_on_after_a_kill_and_no_move_before(
    hard: Path, small: Path, target: Path
):
    ended_at("verifying actors", hard, target)

    assert killed(small, target, 2 * 3, "--restart") == -9

    assert "holds the beginning of another registry" in refusal(hard, target)
    moved(small, target, restarts=True)
    assert dump(target) == dump(small)


def test_restarting_never_empties_a_registry(small: Path, hard: Path, target: Path):
    moved(small, target)

    with pytest.raises(BootRefused, match="holds a registry"):
        moved(hard, target, restarts=True)
    assert dump(target) == dump(small)


def test_a_source_that_has_changed_between_two_runs_is_noticed(small: Path, target: Path):
    ended_at("copying contexts", small, target)
    write(small, RENAME)

    assert "as it was before it changed" in refusal(small, target)
    moved(small, target, restarts=True)
    assert dump(target) == dump(small)


def test_a_source_that_changes_meanwhile_is_noticed(small: Path, target: Path):
    at = doing("verifying contexts", lambda: write(small, RENAME))

    message = refusal(small, target, at)

    assert "actors CHITTY-ADA is not the same" in message
    assert "--restart" in message
    assert UNFINISHED_MOVE in {name for (name,) in read(target, "SELECT name FROM sqlite_master")}


def test_a_write_that_changes_nothing_that_is_moved_does_no_harm(small: Path, target: Path):
    at = doing("verifying contexts", lambda: write(small, "CREATE TABLE IF NOT EXISTS songs (a)"))

    moved(small, target, at)

    assert read(target, "SELECT count(*) FROM actors") == [(2,)]


def test_a_target_that_somebody_changes_meanwhile_is_noticed(small: Path, target: Path):
    at = doing("verifying actors", lambda: write(target, RENAME))

    assert "actors CHITTY-ADA is not the same" in refusal(small, target, at)


def test_a_number_that_an_engine_gives_other_digits_is_named(small: Path, target: Path):
    write(small, "UPDATE actors SET session_count = 1e300")
    other = "UPDATE actors SET session_count = 1.0000000000000002e300"
    at = doing("verifying actors", lambda: write(target, other))

    message = refusal(small, target, at)

    assert "has another number in session_count" in message
    assert "with wrong digits, as some do near 1e300" in message
    assert "move again with --restart" in message


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM actors WHERE chitty_id = 'CHITTY-BEN'",
        "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at) VALUES ('Z', 'ai', '', '')",
        "DELETE FROM changes WHERE sequence = 1",
    ],
)
def test_rows_that_are_missing_or_too_many_are_noticed(small: Path, target: Path, sql: str):
    at = doing("verifying actors", lambda: write(target, sql))

    assert "is not the same" in refusal(small, target, at)


def test_a_schema_that_somebody_changes_meanwhile_is_noticed(small: Path, target: Path):
    at = doing("verifying actors", lambda: write(target, "DROP INDEX one_actor_per_principal"))

    assert "index one_actor_per_principal is missing" in refusal(small, target, at)


def test_a_damaged_target_is_refused(hard: Path, target: Path):
    ended_at("copying server_keys", hard, target)
    with target.open("r+b") as file:
        file.seek(0)
        file.write(b"\0" * 4096)

    assert str(target) in refusal(hard, target)


def test_a_damaged_source_is_refused(hard: Path, target: Path):
    with hard.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 8192)

    assert "is damaged" in refusal(hard, target)
    assert not target.exists()


def test_a_row_that_the_target_does_not_take_is_named(small: Path, target: Path):
    with closing(sqlite3.connect(small, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE actors SET actor_type = 'fox' WHERE chitty_id = 'CHITTY-BEN'")

    said = refusal(small, target)
    assert "does not take actors CHITTY-BEN: CHECK constraint failed" in said
    assert said.endswith("correct that row in the source, and move again with --restart")
    write(small, "UPDATE actors SET actor_type = 'ai' WHERE chitty_id = 'CHITTY-BEN'")
    moved(small, target, restarts=True)
    assert dump(target) == dump(small)


def test_values_that_another_type_of_column_would_change_are_named(tmp_path: Path, target: Path):
    adopted = legacy_registries.by_hand(tmp_path / "adopted.db", loosely=True)
    migrator.migrate(adopted)
    write(adopted, "UPDATE contexts SET chitty_dna_id = 5")

    message = refusal(adopted, target)

    assert (
        "a value that it would turn into one of another type, in contexts.chitty_dna_id" in message
    )


def test_an_older_registry_is_migrated_first(tmp_path: Path, target: Path):
    older = new_registry(tmp_path / "older.db")
    write(older, "DELETE FROM chittygraph_migrations WHERE name > '0024'")
    write(older, "DROP TABLE applied_writes")

    assert "run `chittygraph migrate` first" in refusal(older, target)
    assert not target.exists()


def test_numbers_of_writes_over_http_go_on(small: Path, target: Path):
    write(small, "INSERT INTO applied_writes (number, operation, at) VALUES (41, 'one', 'now')")

    moved(small, target)

    write(target, "INSERT INTO applied_writes (operation, at) VALUES ('two', 'now')")
    assert read(target, "SELECT number FROM applied_writes") == [(42,)]


@LONG
def test_a_move_takes_no_more_memory_for_more_rows(tmp_path: Path):
    few = hard_registry(tmp_path / "few.db", links=1_000)
    many = hard_registry(tmp_path / "many.db", links=30_000)

    least, most = (peak_memory(each, each.with_suffix(".moved")) for each in (few, many))

    assert most < least + 15_000_000
