"""`audit verify --against` finds in an export what nothing else in the database tells of a change."""

import json
import subprocess
from pathlib import Path

import pytest

from db.audit.archived import COMPARED
from db.history.append_only import LIFT, RESTORE
from tests.support.registries.databases import elsewhere, new_registry
from tests.support.registries.histories import day
from tests.support.services.commands import command, complaint

ADD = """
    INSERT INTO actors (chitty_id, actor_type, display_name, created_at, updated_at)
    VALUES (?, 'human', ?, ?, ?)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Changes 1 to 5: an actor is added on each of the first five days of 2026."""
    file = new_registry(tmp_path / "registry.db")
    with elsewhere(file) as connection:
        for number in range(1, 6):
            connection.execute(ADD, (f"A{number}", f"Name {number}", day(number), day(number)))
    return file


@pytest.fixture
def archive(file: Path, tmp_path: Path) -> Path:
    """An export of all changes."""
    archive = tmp_path / "archive.jsonl"
    done = command("audit", "export", "--jsonl", "--output", archive, "--database", file)
    assert done.returncode == 0, done
    return archive


def rewritten(file: Path, *statements: str) -> None:
    with elsewhere(file) as connection:
        for sql in (*LIFT, *statements, *RESTORE):
            connection.execute(sql)


def line_of(sequence: object) -> str:
    """A line with all that is compared, but for the number in order."""
    return json.dumps(dict.fromkeys(COMPARED) | {"sequence": sequence})


def verify(file: Path, archive: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command("audit", "verify", "--against", archive, *words, "--database", file)


def test_changes_that_are_as_they_were_agree_and_newer_ones_are_none_of_it(
    file: Path, archive: Path
):
    with elsewhere(file) as connection:
        connection.execute(ADD, ("A6", "Name 6", day(6), day(6)))

    done = verify(file, archive)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "5 changes compared with the export; 0 more of it were pruned since",
        f"{file}: its history tells how every row became what it is",
    ]


@pytest.mark.parametrize(
    ("setting", "finding"),
    [
        ("actor = 'A1'", "actor is 'A1', where the export says NULL"),
        ("cause = 'import'", "cause is 'import', where the export says 'external'"),
        ("request_id = 'r'", "request_id is 'r', where the export says NULL"),
        (f"at = '{day(9)}'", f"at is '{day(9)}', where the export says '{day(3)}'"),
        ("is_private = 1", "is_private is True, where the export says False"),
    ],
)
def test_what_was_altered_in_one_change_is_named(
    file: Path, archive: Path, setting: str, finding: str
):
    rewritten(file, f"UPDATE changes SET {setting} WHERE sequence = 3")

    alone = command("audit", "verify", "--database", file)
    done = verify(file, archive)

    assert alone.returncode == 0
    assert done.returncode == 1
    assert f"change 3 of actors A3: {finding}" in done.stdout.splitlines()


@pytest.mark.parametrize("lost", [[5], [4, 5], [3, 4], [1, 2, 3, 4, 5]], ids=str)
def test_changes_that_are_no_longer_there_are_named(file: Path, archive: Path, lost: list[int]):
    rewritten(file, *(f"DELETE FROM changes WHERE sequence = {number}" for number in lost))

    done = verify(file, archive, "--json")

    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert (found["compared"], found["pruned"]) == (5, 0)
    told = [each["message"] for each in found["differences"]]
    assert [each for each in told if "where the export has it" in each] == [
        f"change {number} of actors A{number}: is not stored, where the export has it"
        for number in lost
    ]


def test_what_was_pruned_since_is_counted_and_a_part_of_an_export_is_enough(
    file: Path, archive: Path
):
    assert command("audit", "prune", "--before", "2026-01-03", "--database", file).returncode == 0
    pruned = verify(file, archive)
    archive.write_text("".join(archive.read_text().splitlines(keepends=True)[3:4]))
    part = verify(file, archive)

    assert (pruned.returncode, part.returncode) == (0, 0)
    assert pruned.stdout.splitlines()[0] == (
        "3 changes compared with the export; 2 more of it were pruned since"
    )
    assert part.stdout.splitlines()[0] == (
        "1 change compared with the export; 0 more of it were pruned since"
    )


def test_an_erased_person_is_no_difference(file: Path, archive: Path):
    assert command("erase", "A2", "--yes", "--database", file).returncode == 0

    done = verify(file, archive)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "line 1 is no JSON"),
        ("[" * 100_000, "line 1 is no JSON"),
        ("[]\n", "line 1 is no change as `audit export` writes one"),
        ('{"sequence": 1}\n', "line 1 is no change as `audit export` writes one"),
        (line_of(10**30), "line 1 has no sequence number of a change"),
        (line_of(True), "line 1 has no sequence number of a change"),
        (line_of(0), "line 1 is not in the order of an export"),
    ],
    ids=[
        "no JSON",
        "deep",
        "no object",
        "no change",
        "too large",
        "no number",
        "none that there is",
    ],
)
def test_a_file_that_is_no_export_is_refused(file: Path, archive: Path, text: str, said: str):
    archive.write_text(text)

    assert said in complaint(verify(file, archive))


def test_an_export_in_another_order_is_refused(file: Path, archive: Path):
    lines = archive.read_text().splitlines(keepends=True)
    archive.write_text("".join(reversed(lines)))

    assert "line 2 is not in the order of an export" in complaint(verify(file, archive))


def test_an_export_that_is_not_there_is_refused(file: Path, tmp_path: Path):
    assert "does not exist" in complaint(verify(file, tmp_path / "none.jsonl"))
