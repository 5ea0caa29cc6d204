"""`chittygraph audit prune` and `audit export`, and what `status` tells of the history."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.registries.databases import elsewhere, new_registry
from tests.support.registries.histories import day
from tests.support.services.commands import command, command_process, complaint
from tests.support.services.forked import start_command

FIRST = (
    "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at) VALUES ('A', 'human', ?, ?)"
)
RENAME = "UPDATE actors SET email = ?, updated_at = ?"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Changes 1 to 5, on each of the first five days of 2026."""
    file = new_registry(tmp_path / "registry.db")
    with elsewhere(file) as connection:
        connection.execute(FIRST, (day(1), day(1)))
        for number in range(2, 6):
            connection.execute(RENAME, (f"{number}@example.com", day(number)))
    return file


def sequences(file: Path) -> list[int]:
    with elsewhere(file) as connection:
        return [
            number for (number,) in connection.execute("SELECT sequence FROM changes ORDER BY 1")
        ]


def prune(file: Path, *words: str) -> str:
    done = command("audit", "prune", *words, "--database", file)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def export(file: Path, *words: object) -> list[dict]:
    done = command("audit", "export", "--jsonl", *words, "--database", file)
    assert (done.returncode, done.stderr) == (0, ""), done
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_pruning_says_what_it_removes_and_what_stays(file):
    foretold = prune(file, "--before", "2026-01-04", "--dry-run")
    untouched = sequences(file)
    done = prune(file, "--before", "2026-01-04")

    assert untouched == [1, 2, 3, 4, 5]
    assert foretold == (
        f"{file}: 3 changes before {day(4)} would be cut off\n"
        "1 would stay as bases of rows, and 2 changes\n"
    )
    assert done == (
        f"{file}: 3 changes before {day(4)} were cut off\n"
        f"1 stay as bases of rows, and 2 changes since {day(4)}\n"
    )
    assert sequences(file) == [3, 4, 5]
    assert command("audit", "verify", "--database", file).returncode == 0


def test_pruning_takes_an_age_and_finds_nothing_the_second_time(file):
    prune(file, "--before", "1d")

    assert sequences(file) == [4, 5]
    assert prune(file, "--before", "1d").splitlines()[0].startswith(f"{file}: 0 changes before ")
    assert sequences(file) == [4, 5]


@pytest.mark.parametrize("when", ["yesterday", "90", "-1d", "2026-13-01", "99999999999d", ""])
def test_a_time_that_is_none_is_refused(file, when):
    done = command("audit", "prune", f"--before={when}", "--database", file)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"{when!r} must be an age such as 12h, 90d or 8w" in done.stderr


def test_a_time_in_the_future_is_refused(file):
    done = command("audit", "prune", "--before", "2999-01-01", "--database", file)

    assert (done.returncode, done.stdout) == (2, "")
    assert "is in the future" in done.stderr
    assert sequences(file) == [1, 2, 3, 4, 5]


def test_pruning_makes_the_triggers_anew_that_it_lifts(file):
    with elsewhere(file) as connection:
        connection.execute("DROP TRIGGER changes_are_not_deleted")

    prune(file, "--before", "1d")

    assert command("audit", "verify", "--database", file).returncode == 0


def test_pruning_that_is_killed_leaves_a_true_history(file):
    with elsewhere(file) as connection:
        connection.execute("BEGIN")
        for number in range(10_000):
            connection.execute(RENAME, (str(number), day(6)))
        connection.execute("COMMIT")

    with start_command(
        "audit", "prune", "--before", "1d", "--database", file, stdout=subprocess.DEVNULL
    ) as process:
        while not pruned(file):
            assert process.poll() in (None, 0)
        process.kill()

    assert command("audit", "verify", "--database", file).returncode == 0
    prune(file, "--before", "1d")
    assert pruned(file) == 10_004


def pruned(file: Path) -> int:
    with elsewhere(file) as connection:
        found = connection.execute("SELECT max(sequence) FROM checkpoint").fetchone()[0]
    return found or 0


def test_pruning_a_database_that_is_not_there_makes_none(tmp_path):
    done = command("audit", "prune", "--before", "1d", "--database", tmp_path / "none.db")

    assert "does not exist" in complaint(done)
    assert list(tmp_path.iterdir()) == []


def test_changes_are_exported_in_order_with_all_their_values(file):
    lines = export(file)

    assert [each["sequence"] for each in lines] == [1, 2, 3, 4, 5]
    assert lines[1].keys() == {
        *("sequence", "at", "actor", "cause", "request_id", "table", "key", "operation"),
        *("is_private", "before", "after"),
    }
    assert (lines[1]["at"], lines[1]["cause"], lines[1]["operation"]) == (
        *(day(2), "external", "updated"),
    )
    assert lines[1]["before"] == {"email": None, "updated_at": day(1)}
    assert lines[1]["after"]["email"] == "2@example.com"


def test_an_export_can_begin_and_end_at_a_time(file):
    lines = export(file, "--since", "2026-01-02", "--before", day(4))

    assert [each["sequence"] for each in lines] == [2, 3]


def test_bases_are_not_exported(file):
    prune(file, "--before", "2026-01-04")

    assert [each["sequence"] for each in export(file)] == [4, 5]


def test_a_file_is_written_whole_and_replaced_only_on_demand(file, tmp_path):
    output = tmp_path / "changes.jsonl"
    words = ("audit", "export", "--jsonl", "--output", output, "--database", file)

    made = command(*words)
    refused = command(*words)
    replaced = command(*words, "--overwrite", "--since", "2026-01-05")

    assert made.stdout.startswith(f"{output}: 5 changes, ")
    assert f"{output} already exists" in complaint(refused)
    assert replaced.stdout.startswith(f"{output}: 1 change, ")
    assert len(output.read_text().splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"registry.db", "changes.jsonl"}


def test_a_change_that_is_no_json_is_named_and_leaves_no_file(file, tmp_path):
    with elsewhere(file) as connection:
        connection.execute(RENAME.replace("email", "avatar_url"), (b"\xff\xfe", day(6)))
        connection.execute(
            "UPDATE actors SET display_name = CAST(x'ff' AS TEXT), updated_at = ?", (day(7),)
        )
    output = tmp_path / "changes.jsonl"

    done = command("audit", "export", "--jsonl", "--output", output, "--database", file)

    assert done.returncode == 1
    assert "change 7: " in done.stderr
    assert "1 change cannot be written as JSON" in done.stderr
    assert not output.exists()


def test_status_tells_how_the_history_grows(file):
    before = json.loads(command("status", "--json", "--database", file).stdout)["history"]
    prune(file, "--before", "2026-01-04")
    text = command("status", "--database", file).stdout
    after = json.loads(command("status", "--json", "--database", file).stdout)["history"]

    assert before == {
        "changes": 5,
        "bases": 0,
        "removed": 0,
        "oldest_at": day(1),
        "pruned_at": None,
    }
    assert {**after, "pruned_at": None} == {
        "changes": 2,
        "bases": 1,
        "removed": 2,
        "oldest_at": day(4),
        "pruned_at": None,
    }
    assert f"history   2 changes, the first of {day(4)}\n" in text
    assert f"2 older ones were removed, last at {after['pruned_at']}; 1 stay as bases" in text


def test_a_command_that_mends_the_history_says_on_stderr_what_it_mended(file):
    with elsewhere(file) as connection:
        connection.execute("DROP TRIGGER actors_history")

    done = command_process("migrate", "--database", file)

    (line,) = done.stderr.splitlines()
    assert line.endswith(
        'table="actors" column="" problem="trigger actors_history, missing" rows=1'
    )
    assert " warning history mended " in line
