"""Boots that are killed before one of their statements, and then tried again.

A program of its own, since it forks: each line `START NUMBER` on stdin is one such boot, of a copy of the
database START, and is answered with `ok`. The answer to `START` alone is how many statements a boot has.
"""

# Before anything imports sqlite3: two SQLite libraries in one process break each other's locks.
import db  # isort: skip # noqa: F401

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from db.migrating import ledger, migrator
from db.sqlite import catalog

NAMES = [migration.name for migration in ledger.load(ledger.MIGRATIONS)]
CONNECT: Any = sqlite3.connect


class Counting(sqlite3.Connection):
    """Calls `before` ahead of each statement."""

    before: Callable[[], None] = staticmethod(lambda: None)

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """Execute one statement."""
        type(self).before()
        return super().execute(*args)


def migrate(file: Path, before: Callable[[], None]) -> None:
    """Boot in this process, telling of each statement."""
    Counting.before = before

    def connect(name: object, *args: Any, **options: Any) -> Any:
        if name == ":memory:":  # what the migrations make, computed once per process
            return CONNECT(":memory:", *args, **options)
        return CONNECT(name, *args, **{"factory": Counting, **options})

    sqlite3.connect = connect  # type: ignore[assignment]
    try:
        migrator.migrate(file)
    finally:
        sqlite3.connect = CONNECT


def in_child(work: Callable[[], None]) -> int:
    """Do something in a forked process; returns how it ended, as a shell says it."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def statements(start: Path, scratch: Path) -> int:
    """How many a whole boot takes."""
    count = 0

    def counted() -> None:
        nonlocal count
        count += 1

    file = copy_of(start, scratch)
    migrate(file, counted)
    return count


def killed_and_resumed(start: Path, scratch: Path, number: int) -> None:
    """Kill a boot before this statement, then boot again; raises AssertionError if that went wrong."""
    file = copy_of(start, scratch)

    def work() -> None:
        left = number

        def count_down() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        migrate(file, count_down)

    assert in_child(work) == -signal.SIGKILL
    applied = migrator.inspect(file).applied if file.exists() else ()
    assert list(applied) == NAMES[: len(applied)], applied
    migrator.migrate(file)
    assert stored(file) == expected(start, scratch)


_expected: dict[Path, object] = {}


def expected(start: Path, scratch: Path) -> object:
    """What a boot that nothing disturbs makes of it."""
    if start not in _expected:
        undisturbed = copy_of(start, scratch / "undisturbed")
        migrator.migrate(undisturbed)
        _expected[start] = stored(undisturbed)
    return _expected[start]


def stored(file: Path) -> object:
    """The schema, and each row of the registry without what depends on when it was written."""
    with closing(CONNECT(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        done = connection.execute("SELECT name FROM chittygraph_migrations ORDER BY name")
        assert [name for (name,) in done] == NAMES
        schema = {name: each.sql for name, each in catalog.read(connection).items()}
        rows = {
            table: connection.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()
            for table, columns in (
                *(("actors", "chitty_id, actor_type"), ("contexts", "chitty_id, name, data")),
                ("installations", "installation_id, account_login, permissions"),
                ("connections", "connection_id, status, installation_id"),
            )
        }
    return schema, rows


def copy_of(start: Path, folder: Path) -> Path:
    """A copy of the database in an empty folder; none if there is none."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if start.exists():
        shutil.copyfile(start, folder / "registry.db")
    return folder / "registry.db"


def answered(start: str, number: str, scratch: Path) -> str:
    if not number:
        return str(statements(Path(start), scratch / "counted"))
    killed_and_resumed(Path(start), scratch / "killed", int(number))
    return "ok"


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        start, _, number = line.rstrip("\n").partition(" ")
        sys.stdout.write(answered(start, number, Path(sys.argv[1])) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
