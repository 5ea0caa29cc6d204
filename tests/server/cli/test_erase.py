"""`chittygraph erase`: an operator erases a person, beside a running server or not."""

import json
import os
import pty
import re
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from db.erasing import cleaning
from tests.support.registries import persons
from tests.support.registries.databases import elsewhere
from tests.support.registries.persons import (
    ANN,
    BEN,
    EMAIL,
    NAME,
    PICTURE,
    TEXTS,
    cells_that_name,
    named_in_bytes,
)
from tests.support.running.terminals import shown_on
from tests.support.services.commands import command, command_process, complaint
from tests.support.services.forked import start_command
from tests.support.services.protected_service import bearer, protected_api
from tests.support.services.server_process import QUIET, served, url_of

PEOPLE = (
    "{ actors(first: 10, filter: {status: {in: [ACTIVE, DELETED]}}) { nodes { displayName } } }"
)
HISTORY = "{ changes(first: 100) { nodes { cause actor { chittyId } before after } } }"
WHO = "{ viewer { actor { chittyId } } }"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return persons.made(tmp_path / "registry.db", elsewhere=True)


def erase(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command("erase", *words, "--database", file)


def asked(url: str, query: str, **headers: str) -> httpx2.Response:
    with httpx2.Client() as client:
        return client.get(url, params={"query": query}, headers=headers)


def on_terminal(file: Path, answer: str) -> tuple[int, str]:
    """Erase on a terminal, and answer what it asks: the exit code, and all that was shown."""
    leader, follower = pty.openpty()
    process = start_command(
        *("erase", ANN, "--database", file), stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    shown = ""
    while "type yes" not in shown:
        shown += os.read(leader, 10_000).decode()
    os.write(leader, f"{answer}\n".encode())
    shown += shown_on(leader)
    os.close(leader)
    return process.wait(), shown


def test_it_reports_what_was_erased_and_where_others_name_the_person(file):
    done = erase(file, ANN, "--yes")

    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^rewrote +1 actors\b", done.stdout, re.MULTILINE)
    assert re.search(r"^rewrote +1 api_keys\b", done.stdout, re.MULTILINE)
    assert re.search(r"^found +2 contexts.name\b", done.stdout, re.MULTILINE)
    assert "(--also-text replaces it)" in done.stdout
    assert not [text for text in TEXTS if text in done.stdout]


def test_the_report_as_json_has_everything(file):
    done = erase(file, ANN, "--yes", "--json")

    report = json.loads(done.stdout)
    assert report["dry_run"] is False
    assert report["chitty_id"] == ANN
    assert report["rows"]["actors"] == 1
    assert {each["table"] for each in report["found"]} >= {"contexts", "connections"}
    assert report["cleaning"] == {"is_rewritten": True, "is_log_empty": True, "left": ""}


def test_a_dry_run_shows_what_would_be_erased_and_changes_nothing(file):
    before = file.read_bytes()

    done = erase(file, ANN, "--dry-run")

    assert done.returncode == 0
    assert re.search(r"^to rewrite +1 actors\b", done.stdout, re.MULTILINE)
    assert file.read_bytes() == before


def test_other_rows_are_changed_only_on_request(file):
    erase(file, ANN, "--yes")
    left = cells_that_name(file, EMAIL)

    done = erase(file, ANN, "--yes", "--also-text", *[f"--text={text}" for text in TEXTS])

    assert left != []
    assert "found" not in done.stdout
    assert cells_that_name(file, *TEXTS) == []
    assert named_in_bytes(file, *TEXTS) == []


def test_a_second_time_there_is_nothing_left(file):
    erase(file, ANN, "--yes")

    done = erase(file, ANN, "--yes")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"nothing of {ANN} is left to erase\n")


def test_without_a_terminal_it_needs_yes(file):
    before = file.read_bytes()

    done = erase(file, ANN)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "chittygraph: this cannot be undone: add --yes, or --dry-run to see it\n"
    )
    assert file.read_bytes() == before


@pytest.mark.parametrize("answer", ["no", "", "y"])
def test_on_a_terminal_anything_but_yes_erases_nothing(file, answer):
    before = file.read_bytes()

    code, shown = on_terminal(file, answer)

    assert code == 1
    assert re.search(r"to rewrite +1 actors", shown)
    assert "nothing was erased" in shown
    assert file.read_bytes() == before


def test_on_a_terminal_yes_erases(file):
    code, shown = on_terminal(file, "yes")

    assert code == 0
    assert re.search(r"rewrote +1 actors", shown)
    assert named_in_bytes(file, NAME) != []  # in the rows of others
    assert ("actors", "display_name") not in cells_that_name(file, NAME)


@pytest.mark.parametrize(
    ("actor", "message"),
    [
        ("CHITTY-ACTOR-NOBODY", "there is no actor CHITTY-ACTOR-NOBODY"),
        (BEN, f"{BEN} is the last active admin: make another actor one first"),
    ],
)
def test_a_refusal_is_one_line_and_changes_nothing(file, actor, message):
    before = file.read_bytes()

    assert complaint(erase(file, actor, "--yes")) == f"chittygraph: {message}\n"
    assert file.read_bytes() == before


def test_an_owner_of_contexts_is_told_the_flag_that_hands_them_over(file):
    with elsewhere(file) as connection:
        connection.execute("UPDATE contexts SET owner_chitty_id = ?", (ANN,))

    refused = complaint(erase(file, ANN, "--yes"))
    done = erase(file, ANN, "--yes", "--transfer-contexts-to", BEN)

    assert "hand them to another actor with --transfer-contexts-to" in refused
    assert done.returncode == 0
    assert re.search(r"^rewrote +2 contexts\b", done.stdout, re.MULTILINE)


def test_a_missing_database_is_not_made(tmp_path):
    missing = tmp_path / "none.db"

    assert "does not exist" in complaint(erase(missing, ANN, "--yes"))
    assert not missing.exists()


def test_copies_that_hold_the_data_are_to_be_deleted(file, tmp_path):
    folder = tmp_path / "backups"
    command("backup", folder, "--once", "--database", file)
    (backup,) = folder.iterdir()

    done = erase(file, ANN, "--yes")

    assert f"held in    {backup}, made " in done.stdout
    assert "replicas and copies on other machines hold it too" in done.stdout


def test_beside_a_server_nothing_stays_in_the_files_and_nobody_is_shown_the_person(file):
    with served(file, *QUIET) as (_, said):
        url = url_of(said, "/graphql")
        before = asked(url, PEOPLE)
        done = erase(file, ANN, "--yes", "--also-text")
        after = asked(url, PEOPLE, **{"if-none-match": before.headers["etag"]})
        left = named_in_bytes(file, *TEXTS)

    assert NAME in before.text
    assert done.returncode == 0
    assert (after.status_code, left) == (200, [])
    assert NAME not in after.text
    assert after.headers["etag"] != before.headers["etag"]


def test_the_history_that_clients_read_tells_of_the_erasure_and_not_of_the_person(file):
    erase(file, ANN, "--yes", "--also-text")

    with served(file, *QUIET) as (_, said):
        answer = asked(url_of(said, "/graphql"), HISTORY)

    changes = answer.json()["data"]["changes"]["nodes"]
    assert [text for text in TEXTS if text in answer.text] == []
    assert changes[-1]["cause"] == "erase"
    assert changes[-1]["actor"] is None
    assert {each["after"]["email"] for each in changes if "email" in each["after"]} == {
        "ben@example.org",
        None,
    }


async def test_a_key_of_the_actor_no_longer_opens_a_running_server(tmp_path):
    file = tmp_path / "registry.db"
    async with protected_api(file) as api:
        await api.newcomer("Root", "admin")
        actor, key = await api.newcomer("Ann")
        before = await api.show(bearer(key), query=WHO)

        done = erase(file, actor, "--yes")
        after = await api.show(bearer(key), query=WHO)

    assert before.status_code == 200
    assert done.returncode == 0
    assert after.status_code == 401


def test_a_program_that_goes_on_reading_is_told_by_an_exit_code_of_its_own(file, monkeypatch):
    monkeypatch.setattr(cleaning, "CHECKPOINT_SECONDS", 0.2)
    with elsewhere(file) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM actors").fetchone()

        done = erase(file, ANN, "--yes", "--also-text")
        held = named_in_bytes(file, *TEXTS)
        reader.execute("COMMIT")
        again = erase(file, ANN, "--yes")

    assert done.returncode == 75
    assert re.search(r"^rewrote +1 actors\b", done.stdout, re.MULTILINE)
    assert "has been reading the database all the time" in done.stderr
    assert done.stderr.endswith("; run this again then\n")
    assert held != []
    assert again.returncode == 0
    assert named_in_bytes(file, *TEXTS) == []


def test_a_writer_that_holds_the_database_is_waited_for(file):
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE actors SET display_name = 'Annie' WHERE chitty_id = ?", (ANN,))
        process = start_command(
            *("erase", ANN, "--yes", "--json", "--database", file),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        writer.execute("COMMIT")
        out, err = process.communicate()

    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["rows"]["actors"] == 1
    assert cells_that_name(file, "Annie") == []


def test_killed_in_the_middle_it_has_erased_everything_or_nothing_and_may_run_again(file):
    log = file.with_name(f"{file.name}-wal")
    whole = cells_that_name(file, *TEXTS)
    with elsewhere(file) as other:  # which keeps the log from being removed
        other.execute("PRAGMA wal_autocheckpoint = 0")
        other.execute("UPDATE actors SET session_count = 1 WHERE chitty_id = ?", (BEN,))
        size = log.stat().st_size
        process = start_command("erase", ANN, "--yes", "--also-text", "--database", file)
        while process.poll() is None and log.stat().st_size == size:
            pass
        process.kill()
        process.wait()
        found = cells_that_name(file, *TEXTS)

    assert found in ([], whole)
    assert persons.differences(file) == []
    again = erase(file, ANN, "--yes", "--also-text")
    assert again.returncode == 0
    assert cells_that_name(file, *TEXTS) == []
    assert named_in_bytes(file, *TEXTS) == []


def test_without_room_to_rewrite_the_file_it_says_what_to_do(file):
    limit = file.stat().st_size

    done = command_process("erase", ANN, "--yes", "--database", file, limit=limit)
    left = cells_that_name(file, PICTURE)
    again = erase(file, ANN, "--yes")

    assert done.returncode == 75
    assert "old copies of the data could not be overwritten" in done.stderr
    assert "has room for another copy of it" in done.stderr
    assert left == []
    assert again.returncode == 0
    assert named_in_bytes(file, PICTURE) == []


def test_without_rewriting_it_says_that_it_is_not_done(file):
    done = erase(file, ANN, "--yes", "--no-rewrite")

    assert done.returncode == 75
    assert "the file was not rewritten" in done.stderr


def test_too_little_memory_is_told_before_anything_is_erased(file, tmp_path, monkeypatch):
    before = file.read_bytes()
    memory = tmp_path / "meminfo"
    memory.write_text("MemTotal: 9 kB\nMemAvailable:    100 kB\n")
    monkeypatch.setattr(cleaning, "MEMORY", memory)

    refused = complaint(erase(file, ANN, "--yes"))

    assert "make more available, or add --no-rewrite" in refused
    assert file.read_bytes() == before
