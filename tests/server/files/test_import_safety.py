"""`chittygraph import` writes all or nothing, also on a full disk and while a server runs."""

import os
import pty
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.support.registries.databases import new_registry
from tests.support.registries.transfers import ACTOR, CONTEXT, LINE, OTHER, REGISTRY, untouched
from tests.support.running import terminals
from tests.support.services.forked import start_command
from tests.support.services.server_process import served


def test_a_dry_run_reports_everything_and_writes_nothing(transfers):
    new_registry(transfers.path)

    with untouched(transfers.path):
        fine = transfers.take(*REGISTRY, flags=("--dry-run",))
        wrong = transfers.take(CONTEXT, flags=("--dry-run",))

    assert (fine[0], wrong[0]) == (0, 1)
    assert "could be imported" in fine[1]
    assert "owner_chitty_id names none" in wrong[2]


@pytest.mark.parametrize("flags", [("--dry-run",), ()])
def test_a_rejected_import_creates_no_database(transfers, flags):
    transfers.begin(CONTEXT if not flags else ACTOR, flags=flags)

    assert not transfers.path.exists()


def test_an_import_leaves_the_minimum_of_free_space(transfers):
    new_registry(transfers.path)

    with untouched(transfers.path):
        code, out, err = transfers.begin(ACTOR, flags=("--min-free-mb", str(2**40)))

    assert (code, out) == (1, "")
    assert "nothing was imported; make room" in err


def test_an_import_that_fails_leaves_no_new_database(transfers):
    code, out, err = transfers.begin(ACTOR, flags=("--min-free-mb", str(2**40)))

    assert (code, out) == (1, "")
    assert f"MB are free where {transfers.path} is" in err
    assert [path.name for path in transfers.folder.iterdir()] == ["rows.jsonl"]


def test_a_new_database_of_an_import_is_one_private_whole_file(transfers):
    assert transfers.begin(*REGISTRY)[0] == 0

    assert {path.name for path in transfers.folder.iterdir()} == {"rows.jsonl", "registry.db"}
    assert transfers.path.stat().st_mode & 0o777 == 0o600
    assert transfers.run("status")[0] == 0


def test_an_import_does_not_replace_a_database_that_another_program_makes_meanwhile(transfers):
    importing = start_command(
        *("import", "-", "--format", "jsonl", "--database", transfers.path),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    new_registry(transfers.path)
    before = transfers.path.read_bytes()
    _, err = importing.communicate(f"{LINE}\n")

    assert (importing.returncode, before == transfers.path.read_bytes()) in [(1, True), (0, False)]
    assert importing.returncode == 0 or "has made" in err


def test_an_error_of_the_database_is_reported_and_rolled_back(transfers):
    transfers.take(ACTOR)
    with closing(sqlite3.connect(transfers.path)) as connection:
        connection.execute(
            "CREATE TRIGGER others BEFORE INSERT ON contexts"
            " BEGIN SELECT raise(ABORT, 'the shop is closed'); END"
        )

    with untouched(transfers.path):
        code, out, err = transfers.take(ACTOR | {"chitty_id": OTHER}, CONTEXT)

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "registry.db is unchanged: the shop is closed" in err


@pytest.mark.parametrize(
    ("largest_file", "said"),
    [
        (400_000, "could not be written to the temporary folder"),
        (3_000_000, "registry.db is unchanged"),
    ],
    ids=["staging", "writing"],
)
def test_a_full_disk_leaves_the_registry_unchanged(transfers, largest_file, said):
    transfers.take(ACTOR)
    file = transfers.write(
        "rows.jsonl",
        [
            CONTEXT | {"chitty_id": f"CHITTY-CONTEXT-{n:06}-AAAA", "name": f"harbour {n}"}
            for n in range(5000)
        ],
    )
    limits = (largest_file, largest_file)
    script = (
        "import resource, sys; from server.cli import main;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, {limits}); sys.exit(main())"
    )

    with untouched(transfers.path):
        ran = subprocess.run(
            [sys.executable, "-c", script, "import", file, "--database", str(transfers.path)],
            capture_output=True,
            text=True,
            check=False,
        )

    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert said in ran.stderr


def test_rows_are_imported_while_a_server_runs_and_a_reader_keeps_its_snapshot(transfers):
    with (
        served(transfers.path),
        closing(sqlite3.connect(transfers.path, isolation_level=None)) as reading,
    ):
        reading.execute("BEGIN")
        before = reading.execute("SELECT count(*) FROM contexts").fetchone()
        code, _, err = transfers.take(*REGISTRY)
        still = reading.execute("SELECT count(*) FROM contexts").fetchone()
        reading.execute("COMMIT")
        after = reading.execute("SELECT count(*) FROM contexts").fetchone()

    assert (code, err) == (0, "")
    assert (before, still, after) == ((0,), (0,), (1,))


def test_a_terminal_gets_a_progress_bar_that_is_cleared(transfers):
    file = transfers.write("rows.jsonl", REGISTRY)
    leader, follower = pty.openpty()

    importing = start_command(
        "import", file, "--database", transfers.path, stdout=subprocess.PIPE, stderr=follower
    )
    importing.communicate()

    os.close(follower)
    shown = terminals.shown_on(leader)
    os.close(leader)
    assert importing.returncode == 0
    assert "reading [" in shown
    assert "writing [" in shown
    assert shown.endswith("\r\x1b[K")
