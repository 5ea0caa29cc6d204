"""Verification recomputes every row from its changes, and names exactly what does not follow."""

import json
import random
import re
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from db.audit import verification
from db.history import pruning
from db.history.append_only import LIFT, RESTORE
from db.migrating import history_triggers
from db.migrating.history_triggers import HISTORIED
from db.model.tables import Table
from tests.support.corpus.sharing import seeds
from tests.support.registries.databases import demo_registry, elsewhere, new_registry, opened
from tests.support.registries.histories import one_of_each_table, prune_some
from tests.support.services.commands import command, complaint

NOW, LATER = "2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"
ACTOR = f"""
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
    VALUES ('{{}}', 'human', '{NOW}', '{NOW}')
"""
RENAME = f"UPDATE actors SET display_name = '{{}}', updated_at = '{LATER}' WHERE chitty_id = '{{}}'"
EVERY_VALUE = """
    SELECT sequence, 'before', value.key FROM changes, json_each(before) AS value
    UNION ALL SELECT sequence, 'after', value.key FROM changes, json_each(after) AS value
    ORDER BY 1, 2, 3
"""
TRIGGERS = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_registry(tmp_path_factory.mktemp("demo") / "registry.db")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Changes 1 to 5: A is created and renamed twice, B created and deleted."""
    file = new_registry(tmp_path / "registry.db")
    run(
        file,
        ACTOR.format("A"),
        RENAME.format("Ann", "A"),
        RENAME.format("Anna", "A"),
        ACTOR.format("B"),
        "DELETE FROM actors WHERE chitty_id = 'B'",
    )
    return file


def run(file: Path, *statements: str) -> None:
    with elsewhere(file) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for sql in statements:
            connection.execute(sql)


def unseen(file: Path, *statements: str) -> None:
    """Change rows behind the history's back, and leave no trace but that."""
    with elsewhere(file) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        triggers = {
            name: sql
            for name, sql in connection.execute(TRIGGERS).fetchall()
            if name in history_triggers.NAMES
        }
        for name in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for sql in statements:
            with suppress(sqlite3.IntegrityError):
                connection.execute(sql)
        for sql in triggers.values():
            connection.execute(sql)


def rewritten(file: Path, *statements: str) -> None:
    run(file, *LIFT, *statements, *RESTORE)


def found(file: Path) -> list[str]:
    with verification.snapshot(file) as connection:
        return [str(each) for each in verification.verify(connection)]


def rows(file: Path, table: Table[Any]) -> dict[Any, dict[str, Any]]:
    with elsewhere(file) as connection:
        connection.row_factory = sqlite3.Row
        return {
            row[table.key]: {name: row[name] for name in table.columns}
            for row in connection.execute(f"SELECT * FROM {table.name}")
        }


def test_nothing_is_found_in_a_registry_that_only_its_server_wrote(demo):
    contents = demo.read_bytes()

    assert found(demo) == []
    assert demo.read_bytes() == contents


def test_nothing_is_found_after_writes_of_another_program(file):
    assert found(file) == []


@pytest.mark.parametrize(
    ("statements", "findings"),
    [
        (
            ["UPDATE actors SET email = 'x', session_count = 7"],
            [
                "actors A: email is 'x', where the history says NULL",
                "actors A: session_count is 7, where the history says 0",
            ],
        ),
        (
            ["DELETE FROM actors"],
            ["actors A: is not stored, where the history says that it is there"],
        ),
        (
            [ACTOR.format("B"), ACTOR.format("C")],
            [
                "actors B: is stored, where the history says that it is gone",
                "actors C: is stored, without a change",
            ],
        ),
        (
            ["UPDATE actors SET chitty_id = 'Z'"],
            [
                "actors Z: is stored, without a change",
                "actors A: is not stored, where the history says that it is there",
            ],
        ),
        (
            ["UPDATE actors SET display_name = x'00ff'"],
            ["actors A: display_name is x'00ff', where the history says 'Anna'"],
        ),
    ],
)
def test_a_row_that_changed_behind_its_back_is_named(file, statements, findings):
    unseen(file, *statements)

    assert found(file) == findings


@pytest.mark.parametrize(
    ("statements", "findings"),
    [
        (
            [
                "UPDATE changes SET after = json_set(after, '$.display_name', 'Eve') WHERE sequence = 2"
            ],
            ["change 3 of actors A: display_name was 'Eve' by then, not 'Ann'"],
        ),
        (
            [
                "UPDATE changes SET before = json_set(before, '$.display_name', 'Eve') WHERE sequence = 2"
            ],
            ["change 2 of actors A: display_name was NULL by then, not 'Eve'"],
        ),
        (
            ["UPDATE changes SET after = json_set(after, '$.email', 'e') WHERE sequence = 2"],
            [
                "change 2 of actors A: email became 'e', which was NULL, and the change does not say so",
                "change 3 of actors A: email became NULL, which was 'e', and the change does not say so",
            ],
        ),
        (
            [
                "UPDATE changes SET after = json_set(after, '$.display_name', 'Eve') WHERE sequence = 3"
            ],
            ["actors A: display_name is 'Anna', where the history says 'Eve'"],
        ),
        (
            ["DELETE FROM changes WHERE sequence = 2"],
            [
                "changes 2 to 2 are missing",
                "change 3 of actors A: display_name was NULL by then, not 'Ann'",
                "change 3 of actors A: updated_at became"
                f" '{LATER}', which was '{NOW}', and the change does not say so",
            ],
        ),
        (
            ["DELETE FROM changes WHERE sequence = 1"],
            [
                "changes 1 to 1 are missing",
                "change 2 of actors A: updated a row that was not there",
            ],
        ),
        (
            ["DELETE FROM changes WHERE sequence IN (2, 3)"],
            [
                "changes 2 to 3 are missing",
                "actors A: display_name is 'Anna', where the history says NULL",
                f"actors A: updated_at is '{LATER}', where the history says '{NOW}'",
            ],
        ),
        (
            ["DELETE FROM changes WHERE sequence = 5"],
            ["actors B: is not stored, where the history says that it is there"],
        ),
        (
            ["UPDATE changes SET operation = 'restored' WHERE sequence = 2"],
            ["change 2 of actors A: is called restored, but updated it"],
        ),
        (
            ["UPDATE changes SET operation = 'created' WHERE sequence = 3"],
            ["change 3 of actors A: is called created, but updated it"],
        ),
        (
            ["UPDATE changes SET is_private = TRUE WHERE sequence = 2"],
            [
                "change 2 of actors A: is marked private, although display_name changed",
                "change 2 of actors A: is marked private, although updated_at changed",
            ],
        ),
        (
            ["UPDATE changes SET before = 'x', after = '[' WHERE sequence = 3"],
            [
                "change 3 of actors A: its before is no JSON object",
                "change 3 of actors A: its after is no JSON object",
            ],
        ),
        (
            ["UPDATE changes SET kind = 'people' WHERE sequence = 5"],
            [
                "change 5: there is no table people",
                "actors B: is not stored, where the history says that it is there",
            ],
        ),
        (
            ["UPDATE changes SET key = 'C' WHERE sequence = 3"],
            [
                "change 3 of actors C: updated a row that was not there",
                "actors A: display_name is 'Anna', where the history says 'Ann'",
                "actors C: is not stored, where the history says that it is there",
            ],
        ),
    ],
)
def test_a_history_that_was_rewritten_is_named(file, statements, findings):
    rewritten(file, *statements)

    assert found(file) == findings


@pytest.mark.parametrize("names", one_of_each_table(), ids="-".join)
def test_a_trigger_that_is_gone_is_named(file, names):
    run(file, *(f"DROP TRIGGER {name}" for name in names))

    assert sorted(found(file)) == [f"trigger {name} is missing" for name in names]


def test_a_trigger_that_was_altered_is_named(file):
    run(
        file,
        "DROP TRIGGER actors_history",
        "CREATE TRIGGER actors_history AFTER UPDATE ON actors BEGIN SELECT 1; END",
    )

    assert found(file) == ["trigger actors_history is another than was made"]


def test_values_that_were_blanked_everywhere_are_no_difference(file):
    run(file, "UPDATE actors SET email = 'a@example.com' WHERE chitty_id = 'A'")
    run(file, "UPDATE actors SET email = 'b@example.com' WHERE chitty_id = 'A'")
    unseen(
        file,
        "UPDATE actors SET email = NULL",
        "UPDATE changes SET after = json_set(after, '$.email', NULL) WHERE after IS NOT NULL",
        "UPDATE changes SET before = json_replace(before, '$.email', NULL) WHERE before IS NOT NULL",
    )

    assert found(file) == []


async def test_a_pruned_history_is_as_true_as_before(file):
    run(file, *(RENAME.format(n, "A") for n in range(20)))
    async with opened(file) as db:
        await prune_some(db, "2027-01-01T00:00:00.000Z", most=4, portions=3)

        assert found(file) == []
        await pruning.prune(db, "2027-01-01T00:00:00.000Z", most=7)
    assert found(file) == []


async def test_what_is_wrong_below_the_checkpoint_is_named(file):
    run(file, *(RENAME.format(n, "A") for n in range(9)))
    async with opened(file) as db:
        await prune_some(db, "2027-01-01T00:00:00.000Z", most=8, portions=1)
    with elsewhere(file) as connection:
        line = connection.execute("SELECT * FROM changes WHERE sequence = 8").fetchone()
    rewritten(
        file,
        "UPDATE changes SET cause = 'createActor' WHERE sequence = 8",
        "DROP TRIGGER changes_are_appended",
        "INSERT INTO changes SELECT 7, at, actor, 'prune', request_id, kind, 'Z', operation,"
        " is_private, before, after FROM changes WHERE sequence = 8",
    )
    assert line is not None

    assert found(file) == [
        "trigger changes_are_appended is missing",
        "there are 2 changes up to 8, where pruning left 1 of these as bases of their rows",
        "change 8 of actors A: is there as it was, although changes up to 8 were pruned",
        "actors Z: is not stored, where the history says that it is there",
    ]


@pytest.mark.parametrize("seed", seeds(6, by_default=2))
def test_random_edits_behind_its_back_are_named_and_nothing_else(demo, tmp_path, seed):
    file = Path(shutil.copy(demo, tmp_path / "registry.db"))
    chance = random.Random(seed)
    before = {table: rows(file, table) for table in HISTORIED}
    unseen(file, *_random_edits(chance, before))
    expected = sorted(_expected(before, {table: rows(file, table) for table in HISTORIED}))

    assert sorted(found(file)) == expected
    assert len(expected) > 5

    done = command("audit", "verify", "--record", "--database", file)

    assert (done.returncode, done.stderr) == (0, "")
    recorded = [line.removeprefix("recorded  ") for line in done.stdout.splitlines()[:-1]]
    assert sorted(recorded) == expected
    assert found(file) == []


def _random_edits(
    chance: random.Random, before: dict[Table[Any], dict[Any, dict[str, Any]]]
) -> Iterable[str]:
    for _ in range(30):
        table = chance.choice(HISTORIED)
        if not before[table]:
            continue
        key = json.dumps(chance.choice(list(before[table]))).replace('"', "'")
        if chance.random() < 0.3:
            yield f"DELETE FROM {table.name} WHERE {table.key} = {key}"
            continue
        free = [
            name
            for name, column in table.columns.items()
            if column.nullable
            and "chitty" not in name
            and not name.endswith(("_at", "_check"))
            and name != "installation_id"
        ]
        if free:
            value = chance.choice(["'x'", "'y'", "NULL"])
            yield f"UPDATE {table.name} SET {chance.choice(free)} = {value} WHERE {table.key} = {key}"
        if table.name == "actors":
            yield ACTOR.format(f"NEW{chance.randrange(9)}")


def _expected(before: dict[Any, Any], after: dict[Any, Any]) -> Iterable[str]:
    for table in HISTORIED:
        old, new = before[table], after[table]
        for key in old.keys() - new.keys():
            yield f"{table.name} {key}: is not stored, where the history says that it is there"
        for key in new.keys() - old.keys():
            yield f"{table.name} {key}: is stored, without a change"
        for key in new.keys() & old.keys():
            for name in table.columns:
                one, other = old[key][name], new[key][name]
                if one != other:
                    yield f"{table.name} {key}: {name} is {_sql(other)}, where the history says {_sql(one)}"


def _sql(value: Any) -> str:
    return "NULL" if value is None else repr(value)


@pytest.mark.parametrize("seed", seeds(4, by_default=1))
def test_any_value_that_is_altered_in_any_change_is_found(file, seed):
    """Each value of each change follows from another change or from the row."""
    chance = random.Random(seed)
    for number in range(12):
        run(file, RENAME.format(f"name {chance.randrange(3)} {number}", "A"))
        run(file, f"UPDATE actors SET email = '{number}', session_count = {number // 2}")
    with elsewhere(file) as connection:
        values = connection.execute(EVERY_VALUE).fetchall()
    for sequence, side, name in chance.sample(values, 15):
        copy = Path(shutil.copy(file, file.with_name("copy.db")))
        rewritten(
            copy,
            f"UPDATE changes SET {side} = json_set({side}, '$.{name}', 'altered')"
            f" WHERE sequence = {sequence}",
        )

        told = found(copy)

        assert told, (sequence, side, name)
        assert all(f" {name} " in each or "is called" in each for each in told), told


@pytest.mark.parametrize("seed", range(3))
def test_any_change_that_is_removed_is_found(file, seed):
    chance = random.Random(seed)
    for number in range(9):
        run(file, RENAME.format(number, "A"))
    with elsewhere(file) as connection:
        (newest,) = connection.execute("SELECT max(sequence) FROM changes").fetchone()
    removed = sorted(chance.sample(range(1, newest + 1), 3))

    rewritten(file, *(f"DELETE FROM changes WHERE sequence = {each}" for each in removed))

    told = found(file)
    for each in removed:
        if each < newest - 1:
            assert any(_covers(text, each) for text in told), (each, told)
    if removed[-1] == newest:
        assert any("where the history says" in text for text in told)


def _covers(text: str, sequence: int) -> bool:
    gap = re.fullmatch(r"changes (\d+) to (\d+) are missing", text)
    return gap is not None and int(gap[1]) <= sequence <= int(gap[2])


def test_the_command_says_that_all_is_well(file):
    done = command("audit", "verify", "--database", file)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{file}: its history tells how every row became what it is\n"


def test_the_command_prints_differences_as_json(file):
    unseen(file, "UPDATE actors SET email = 'x'", ACTOR.format("C"))

    done = command("audit", "verify", "--json", "--database", file)

    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "database": str(file),
        "recorded": [],
        "differences": [
            {
                "problem": "value",
                "table": "actors",
                "key": "A",
                "column": "email",
                "recorded": None,
                "stored": "x",
                "message": "actors A: email is 'x', where the history says NULL",
            },
            {
                "problem": "without_change",
                "table": "actors",
                "key": "C",
                "message": "actors C: is stored, without a change",
            },
        ],
        "examined": 7,
    }


def test_texts_that_are_not_utf_8_are_named_and_recorded(file):
    unseen(
        file,
        "UPDATE actors SET display_name = CAST(x'fffe' AS TEXT)",
        ACTOR.format("Z").replace("'Z'", "CAST(x'5aff' AS TEXT)"),
    )

    checked = command("audit", "verify", "--database", file)
    as_json = command("audit", "verify", "--json", "--database", file)
    recorded = command("audit", "verify", "--record", "--database", file)

    assert checked.stdout.splitlines() == [
        r"actors A: display_name is '\udcff\udcfe', where the history says 'Anna'",
        r"actors Z\udcff: is stored, without a change",
        "2 differences",
    ]
    assert len(json.loads(as_json.stdout)["differences"]) == 2
    assert recorded.returncode == 0
    assert found(file) == []


def test_what_was_recorded_is_in_the_json_too(file):
    unseen(file, "UPDATE actors SET email = 'x', session_count = 1")

    done = command("audit", "verify", "--record", "--json", "--database", file)

    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert [each["column"] for each in told["recorded"]] == ["email", "session_count"]
    assert told["differences"] == []


def test_recording_that_fails_says_nothing_was_recorded(file):
    unseen(file, "UPDATE actors SET email = 'x'")
    run(file, "CREATE TRIGGER full BEFORE INSERT ON changes BEGIN SELECT RAISE(ABORT, 'full'); END")

    for words in ((), ("--json",)):
        done = command("audit", "verify", "--record", *words, "--database", file)

        assert "full" in complaint(done)
    assert found(file) == ["actors A: email is 'x', where the history says NULL"]


def test_recording_mends_triggers_and_says_what_it_cannot_mend(file):
    unseen(file, "UPDATE actors SET email = 'x'")
    run(file, "DROP TRIGGER actors_history")
    rewritten(file, "UPDATE changes SET operation = 'restored' WHERE sequence = 2")

    done = command("audit", "verify", "--record", "--database", file)

    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "recorded  trigger actors_history is missing",
        "recorded  actors A: email is 'x', where the history says NULL",
        "change 2 of actors A: is called restored, but updated it",
        "1 difference",
    ]


def test_what_is_recorded_is_external_and_hides_what_is_private(file):
    unseen(file, "UPDATE actors SET email = 'x'")

    command("audit", "verify", "--record", "--database", file)

    with elsewhere(file) as connection:
        last = connection.execute(
            "SELECT sequence, cause, actor, operation, is_private, before ->> 'email', after ->> 'email'"
            " FROM changes ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
    assert last == (6, "external", None, "updated", 1, None, "x")


def test_a_database_that_is_not_there_or_lacks_its_history_is_refused(file, tmp_path):
    missing = command("audit", "verify", "--database", tmp_path / "none.db")
    run(file, "DROP TABLE changes")
    lost = command("audit", "verify", "--database", file)

    assert "does not exist" in complaint(missing)
    assert "table changes is missing" in complaint(lost)
