"""A database that is damaged, another program's, newer or incomplete; boots that are killed, or many."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from db.errors import BootRefused
from db.migrating import history_triggers, ledger, migrator
from db.model.tables import CONNECTIONS
from tests.support.faults.damages import DAMAGES, damaged
from tests.support.faults.declaration import Fault, Rounds
from tests.support.faults.trial import Trial
from tests.support.paths import ROOT
from tests.support.registries import legacy_registries, relatives
from tests.support.registries.databases import demo_registry, elsewhere
from tests.support.services.doctor import Examination
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, served, url_of

BOOTS = 8

DAMAGED = Fault(
    name="damaged-database",
    done="A database with flipped bits, garbage, zeros, swapped pages, a wrong header or definition,"
    " or cut off",
    holds="boot, `migrate --check` and `check` refuse it with a message and leave each byte as it"
    " was, or it is whole; `doctor` finds a problem where the boot does",
    rounds=Rounds(default=len(DAMAGES), thorough=210, by_hand=7_000, called="damages"),
)
UNFIT = Fault(
    name="unfit-database",
    done="A database of another program, of a newer version, or without a table, column or unique"
    " index",
    holds="every command refuses it by name and leaves each byte as it was",
    rounds=Rounds(default=1, thorough=1, by_hand=1, called="times each"),
)
KILLED = Fault(
    name="killed-boot",
    done="`kill -9` of a boot before each of its statements: of a new database, of an older one, of"
    " one to adopt",
    holds="the next boot ends with the same tables and rows as one that nothing disturbs",
    rounds=Rounds(default=9, thorough=150, by_hand=1_000, called="kills"),
)
MANY = Fault(
    name="many-boots",
    done=f"{BOOTS} servers that start at once on a database that is not there, old, or to be adopted",
    holds="each migration runs once, all servers are ready, and SQLite's `integrity_check` finds"
    " nothing",
    rounds=Rounds(default=0, thorough=3, by_hand=30, called="starts"),
)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@DAMAGED
def test_a_damaged_database_is_refused_or_whole(trial: Trial, tmp_path: Path):
    whole = demo_registry(tmp_path / "whole.db").read_bytes()

    for seed in trial.each_round():
        path = tmp_path / f"{seed}" / "registry.db"
        path.parent.mkdir()
        path.write_bytes(damaged(whole, seed))
        path.chmod(0o600)
        before = contents(path.parent)

        messages = [refusal(look, path) for look in (migrator.inspect, migrator.check)]
        found = Examination(path)

        assert contents(path.parent) == before, seed
        assert all(str(path) in message for message in messages if message), seed
        if messages[0]:
            assert refusal(migrator.migrate, path), seed
            assert found.code == 1, (seed, found.report)
            assert contents(path.parent) == before, seed
        else:
            migrator.migrate(path)
            with closing(sqlite3.connect(path)) as connection:
                assert connection.execute("PRAGMA quick_check").fetchone() is not None


def refusal(look: Callable[[Path], object], path: Path) -> str | None:
    """With which message it refuses the file, if it does."""
    try:
        look(path)
    except BootRefused as refused:
        return str(refused)
    return None


CHANGES = {
    "INSERT INTO chittygraph_migrations VALUES ('9999_later', '', '')": "newer than this",
    "DELETE FROM chittygraph_migrations WHERE name LIKE '0003%'": "had a later migration before",
    "UPDATE chittygraph_migrations SET checksum = '' WHERE name LIKE '0003%'": "was edited after",
    "DROP TABLE installations": "table installations is missing",
    "DROP TABLE api_keys": "table api_keys is missing",
    "ALTER TABLE connections DROP COLUMN config": "table connections lacks the column config",
    "DROP INDEX one_actor_per_principal": "index one_actor_per_principal is missing",
}


@UNFIT
@pytest.mark.parametrize("sql", CHANGES)
def test_an_unfit_database_is_refused_by_name(trial: Trial, tmp_path: Path, sql: str):
    path = demo_registry(tmp_path / "registry.db")
    with elsewhere(path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        if "DROP COLUMN" in sql:
            connection.execute("DROP INDEX connections_odd")
            for name in history_triggers.names(CONNECTIONS):
                connection.execute(f"DROP TRIGGER {name}")
        connection.execute(sql)
    before = contents(tmp_path)

    for _ in trial.each_round():
        for look in (migrator.migrate, migrator.inspect, migrator.require_migrated):
            with pytest.raises(BootRefused) as refused:
                look(path)
            assert CHANGES[sql] in str(refused.value)
        assert Examination(path).code == 1

    assert contents(tmp_path) == before


@contextmanager
def killing(scratch: Path) -> Iterator[subprocess.Popen[str]]:
    """The program that boots, kills and boots again."""
    module = "tests.support.faults.killed_migrations"
    process = subprocess.Popen(
        [sys.executable, "-m", module, str(scratch)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told(process: subprocess.Popen[str], line: str) -> str:
    """What it answers to a line; fails with its complaint if it does not."""
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    assert answer, f"{line}: {process.stderr.read()}"
    return answer.strip()


def starts(folder: Path) -> list[Path]:
    """No database, one of the fourth migration, and those of other programs; each with rows."""
    folder.mkdir()
    old = folder / "old.db"
    legacy_registries.by_our_files(old, 4)
    with legacy_registries.opened(old) as connection:
        connection.execute(ledger.CREATE)
        for each in ledger.load(ledger.MIGRATIONS)[:4]:
            bind = {"name": each.name, "checksum": each.checksum, "now": "2026-01-01"}
            connection.execute(ledger.RECORD, bind)
    return [
        folder / "none.db",
        old,
        legacy_registries.by_hand(folder / "theirs.db"),
        relatives.made(folder / "main.db", relatives.MAIN_DATABASE),
    ]


@KILLED
def test_a_boot_killed_before_any_statement_is_resumed(trial: Trial, tmp_path: Path):
    with killing(tmp_path / "scratch") as process:
        points = [
            (start, number)
            for start in starts(tmp_path / "starts")
            for number in range(1, int(told(process, str(start))) + 1)
        ]

        for round_ in trial.each_round():
            # Spread over all of them, from the first to the last.
            start, number = points[round_ * (len(points) - 1) // max(trial.rounds - 1, 1)]
            assert told(process, f"{start} {number}") == "ok"


@MANY
def test_servers_that_start_at_once_migrate_once(trial: Trial, tmp_path: Path):
    names = [migration.name for migration in ledger.load(ledger.MIGRATIONS)]
    known = starts(tmp_path / "starts")

    for round_ in trial.each_round():
        start = known[round_ % len(known)]
        path = tmp_path / f"{round_}" / "registry.db"
        path.parent.mkdir()
        if start.exists():
            path.write_bytes(start.read_bytes())
            path.chmod(0o600)

        with ExitStack() as stack:
            for said in all_served(stack, path):
                with urlopen(url_of(said, "/readyz"), timeout=TIMEOUT_SECONDS) as ready:
                    assert ready.status == 200

        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            ran = connection.execute("SELECT name FROM chittygraph_migrations ORDER BY name")
            assert [name for (name,) in ran] == names
        assert len(list(path.parent.glob("*.before-adoption-*"))) == (start in known[2:])


def all_served(stack: ExitStack, path: Path) -> list[str]:
    """What each of the servers printed, which start together."""
    running = [served(path, *QUIET) for _ in range(BOOTS)]
    with ThreadPoolExecutor(BOOTS) as pool:
        return [said for _, said in pool.map(stack.enter_context, running)]
