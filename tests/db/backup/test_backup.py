"""`chittygraph backup`: verified copies of a database in use."""

import contextlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from db.backup import backups, rotation
from db.errors import BootRefused
from server.cli import backup, main
from tests.support.registries.backups import contents, names_in, registry
from tests.support.services.commands import command, command_process, complaint
from tests.support.services.forked import start_command
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

pytestmark = pytest.mark.waits

REGISTER = """
    mutation {
        registerActor(input: { chittyId: "CHITTY-ADA", actorType: HUMAN }) { errors { message } }
    }
"""
SEVERAL = ("2026-01-01", "2026-02-01", "2026-03-01")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return registry(tmp_path / "registry.db", "CHITTY-ADA")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


def named(stem: str, day: str) -> str:
    return f"{stem}-{day.replace('-', '')}T000000.000Z.db"


def sorted_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_backup_of_a_database_in_use_holds_what_was_acknowledged(tmp_path: Path):
    path, copy = tmp_path / "registry.db", tmp_path / "copy.db"

    with served(path) as (_, said):
        body = json.dumps({"query": REGISTER}).encode()
        request = Request(url_of(said, "/graphql"), body, {"content-type": "application/json"})
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            assert json.load(answer) == {"data": {"registerActor": {"errors": []}}}
        done = command("backup", copy, "--database", path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"{copy} now holds 1 actors, 0 contexts, 0 installations, 0 connections\n"
    )
    assert names_in(copy) == ["CHITTY-ADA"]


def test_a_backup_is_one_file_that_only_its_owner_reads(database: Path, folder: Path):
    backups.backup(database, folder / "copy.db")

    assert sorted_names(folder) == ["copy.db"]
    assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600


def test_a_backup_reports_how_many_rows_have_a_dangling_reference(database: Path):
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)"
            " VALUES ('CHITTY-WORK', 'work', 'CHITTY-NOBODY', '', '')"
        )

    copied = backups.backup(database, database.with_name("copy.db"))

    assert copied.dangling == 1
    assert copied.rows["contexts"] == 1


def test_an_existing_file_is_replaced_only_with_overwrite(database: Path):
    copy = database.with_name("copy.db")
    copy.write_text("precious")

    refused = command("backup", copy, "--database", database)
    before = copy.read_text()
    replaced = command("backup", copy, "--overwrite", "--database", database)

    assert "already exists: name another file, or add --overwrite" in complaint(refused)
    assert before == "precious"
    assert replaced.returncode == 0
    assert names_in(copy) == ["CHITTY-ADA"]


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("registry.db", "is the database itself"),
        ("registry.db-wal", "is the database itself"),
        ("link.db", "is not an ordinary file"),
        ("backups", "is a folder: name a file in it, or add --once or --every"),
        ("missing/copy.db", "there is no folder"),
    ],
)
def test_a_backup_to_a_wrong_place_is_refused(database: Path, folder: Path, target: str, why: str):
    (database.parent / "link.db").symlink_to(folder / "elsewhere.db")
    before = contents(database.parent)

    done = command("backup", database.parent / target, "--overwrite", "--database", database)

    assert why in complaint(done)
    assert contents(database.parent) == before


def test_a_database_that_does_not_exist_is_refused(tmp_path: Path):
    done = command("backup", tmp_path / "copy.db", "--database", tmp_path / "registry.db")

    assert "registry.db does not exist" in complaint(done)
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_program_is_refused(tmp_path: Path):
    with contextlib.closing(sqlite3.connect(tmp_path / "registry.db")) as connection:
        connection.execute("CREATE TABLE actors (chitty_id TEXT)")

    done = command("backup", tmp_path / "copy.db", "--database", tmp_path / "registry.db")

    assert "lacks the tables contexts, installations, connections" in complaint(done)
    assert sorted_names(tmp_path) == ["registry.db"]


def test_a_disk_without_room_for_the_backup_is_one_message(database: Path):
    before = contents(database.parent)

    done = command_process(
        "backup", database.with_name("copy.db"), "--database", database, limit=50_000
    )

    assert "cannot be finished" in complaint(done)
    assert "has room" in done.stderr
    assert contents(database.parent) == before


def test_an_interrupted_backup_leaves_nothing(database: Path, folder: Path):
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backups.backup(database, folder / "copy.db", advance=stop)

    assert sorted_names(folder) == []


def test_the_newest_backups_are_kept_and_no_file_of_another_name_is_deleted(
    database: Path, folder: Path
):
    others = [named("another", "2026-01-01"), "registry-old.db", "notes.txt"]
    for name in (*others, *(named("registry", day) for day in SEVERAL)):
        (folder / name).touch()

    new, _ = rotation.add_backup(database, folder, 2, lambda _: None)

    assert sorted_names(folder) == sorted([*others, named("registry", SEVERAL[-1]), new.name])
    assert names_in(new) == ["CHITTY-ADA"]


def test_the_new_backup_is_kept_if_the_clock_was_set_back(database: Path, folder: Path):
    later = named("registry", "2999-01-01")
    (folder / later).touch()

    new, _ = rotation.add_backup(database, folder, 1, lambda _: None)

    assert sorted_names(folder) == [new.name]


def test_nothing_is_deleted_if_the_new_backup_fails(database: Path, folder: Path):
    for day in SEVERAL:
        (folder / named("registry", day)).touch()
    database.write_bytes(database.read_bytes()[:-4096])

    with pytest.raises(BootRefused, match="is damaged"):
        rotation.add_backup(database, folder, 1, lambda _: None)

    assert sorted_names(folder) == [named("registry", day) for day in SEVERAL]


def test_the_temporary_folder_of_a_killed_backup_is_removed(database: Path, folder: Path):
    left = folder / f".{named('registry', '2026-01-01')}-abc_1"
    running = folder / f".{named('registry', '2999-01-01')}-abc_1"
    for path in (left, running):
        path.mkdir()
        (path / "new.db").touch()

    new, _ = rotation.add_backup(database, folder, 5, lambda _: None)

    assert sorted_names(folder) == [running.name, new.name]


def test_once_adds_a_backup_to_a_folder_and_ends(database: Path):
    folder = database.parent / "new" / "backups"

    done = command("backup", folder, "--once", "--keep", "1", "--database", database)

    (made,) = folder.iterdir()
    assert done.returncode == 0
    assert done.stdout.startswith(f"{made} now holds 1 actors")


@contextlib.contextmanager
def repeating(database: Path, folder: Path):
    words = ("backup", folder, "--every", "1s", "--keep", "2", "--database", database)
    process = start_command(*words, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def next_event(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    while line := process.stderr.readline():
        found: dict[str, Any] = json.loads(line)
        if found["event"] == event:
            return found
    raise AssertionError(f"it ended without {event!r}")


def test_repeated_backups_continue_after_a_failure_until_stopped(tmp_path: Path):
    database, folder = tmp_path / "registry.db", tmp_path / "backups"

    with repeating(database, folder) as process:
        failed = next_event(process, "backup failed")
        registry(database, "CHITTY-ADA")
        made = [next_event(process, "backup made")["backup"] for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=TIMEOUT_SECONDS)

    assert "does not exist" in str(failed["reason"])
    assert (process.returncode, "Traceback" in rest) == (0, False)
    assert len(set(made)) == 3
    assert all(names_in(path) == ["CHITTY-ADA"] for path in folder.iterdir())
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    "words",
    [
        ("copy.db", "--keep", "3"),
        ("backups", "--once", "--every", "1h"),
        ("backups", "--once", "--overwrite"),
        ("backups", "--every", "5"),
        ("backups", "--every", "0s"),
        ("backups", "--every", "366d"),
        ("backups", "--once", "--keep", "0"),
    ],
)
def test_a_usage_error_is_reported_and_makes_no_file(tmp_path: Path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("CHITTYGRAPH_"):
            monkeypatch.delenv(name)

    code: Any
    try:
        code = main(["backup", *words])
    except SystemExit as ended:
        code = ended.code

    assert code == 2
    assert capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "length"), [("30s", 30), ("15m", 900), ("1h", 3_600), ("365d", 31_536_000)]
)
def test_a_time_is_a_number_and_a_unit(text: str, length: int):
    assert backup.seconds(text) == length
