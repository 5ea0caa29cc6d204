"""`chittygraph move` as its user sees it."""

import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.registries.backups import names_in, registry
from tests.support.registries.hard_registry import hard_registry
from tests.support.registries.moved_registries import dump, write
from tests.support.running.terminals import shown_on
from tests.support.services.commands import command, complaint
from tests.support.services.forked import start_command
from tests.support.services.server_process import TIMEOUT_SECONDS

INTERRUPTED, TERMINATED = 130, 143


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return registry(tmp_path / "source.db", "CHITTY-ADA", "CHITTY-BEN")


def test_it_says_what_was_moved(source: Path, tmp_path: Path):
    target = tmp_path / "target.db"

    done = command("move", "--database", source, "--to", target)

    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first == (
        f"{target} now holds 2 actors, 2 changes, 1 server_keys: the same rows as {source}"
    )
    assert second.startswith("SHA-256 of all rows: ")
    assert names_in(target) == ["CHITTY-ADA", "CHITTY-BEN"]


def test_a_second_run_says_that_it_is_done(source: Path, tmp_path: Path):
    target = tmp_path / "target.db"
    first = command("move", "--from", source, "--to", target)

    again = command("move", "--from", source, "--to", target)

    assert again.returncode == 0
    assert again.stdout == first.stdout.replace("now holds", "already holds")


def test_the_database_of_the_settings_may_be_the_target(source: Path, tmp_path: Path):
    target = tmp_path / "target.db"

    done = command("move", "--from", source, "--database", target)

    assert done.returncode == 0
    assert names_in(target) == ["CHITTY-ADA", "CHITTY-BEN"]


def test_programs_get_an_object(source: Path, tmp_path: Path):
    write(source, "CREATE TABLE songs (title TEXT)")

    done = command("move", "--from", source, "--to", tmp_path / "target.db", "--json")

    told = json.loads(done.stdout)
    assert told["tables"]["actors"]["rows"] == 2
    assert len(told["sha256"]) == 64
    assert (told["was_done"], told["left_behind"]) == (False, ["songs"])


def test_what_is_left_behind_is_noted(source: Path, tmp_path: Path):
    write(source, "CREATE TABLE songs (title TEXT)")

    done = command("move", "--from", source, "--to", tmp_path / "target.db")

    assert done.stderr == "chittygraph: left behind, since other programs made them: songs\n"


def test_one_end_has_to_be_named(source: Path):
    done = command("move", "--database", source)

    assert done.returncode == 2
    assert "name one of --to and --from" in done.stderr


def test_a_registry_that_does_not_exist_is_not_made(tmp_path: Path):
    done = command("move", "--from", tmp_path / "none.db", "--to", tmp_path / "target.db")

    assert "does not exist: name the registry to move" in complaint(done)
    assert list(tmp_path.iterdir()) == []


def test_what_names_no_database_is_refused(source: Path):
    done = command("move", "--from", source, "--to", "http://localhost/")

    assert done.returncode == 2
    assert "is not supported" in done.stderr


@pytest.mark.thorough  # the engine is waited for, for ten seconds
def test_a_password_is_never_shown(source: Path):
    # Nothing listens at this port.
    done = command("move", "--from", source, "--to", "d1+http://secret-token@127.0.0.1:1/")

    assert done.returncode in (1, 75)
    assert "secret-token" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, INTERRUPTED),
        pytest.param(signal.SIGTERM, TERMINATED, marks=pytest.mark.thorough),
    ],
)
def test_a_move_that_is_stopped_goes_on(tmp_path: Path, number: int, code: int):
    many, target = hard_registry(tmp_path / "many.db", links=2_000), tmp_path / "target.db"

    with start_command("move", "--from", many, "--to", target, stderr=subprocess.PIPE) as moving:
        while not target.exists():
            assert moving.poll() is None
            time.sleep(0.01)
        moving.send_signal(number)
        _, said = moving.communicate(timeout=TIMEOUT_SECONDS)

    assert moving.returncode == code
    if number == signal.SIGINT:
        assert said == "chittygraph: run the same move again, which goes on where it ended\n"
    assert command("move", "--from", many, "--to", target).returncode == 0
    assert dump(target) == dump(many)


def test_progress_is_shown_on_a_terminal(source: Path, tmp_path: Path):
    leader, follower = pty.openpty()
    try:
        with start_command(
            *("move", "--from", source, "--to", tmp_path / "target.db"),
            stdout=subprocess.DEVNULL,
            stderr=follower,
        ) as moving:
            assert moving.wait(timeout=TIMEOUT_SECONDS) == 0
        os.close(follower)
        shown = shown_on(leader)
    finally:
        os.close(leader)

    assert "copying actors" in shown
    assert "verifying changes" in shown
