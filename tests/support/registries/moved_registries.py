"""Moves that tests run, watch, disturb and kill, and what they compare of the registries."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from db import open_database
from db.backup import dumps
from db.moving import move
from db.moving.move import Moved
from tests.support.paths import ROOT
from tests.support.services.server_process import TIMEOUT_SECONDS

# When each migration ran is told by every database itself.
OWN = (
    'INSERT INTO "chittygraph_migrations"',
    'INSERT INTO "d1_migrations"',
    "INSERT INTO sqlite_sequence",
)


class Watched:
    """Calls `at` with the label of each stage, before it begins."""

    def __init__(self, at: Callable[[str], None] = lambda _: None) -> None:
        self.labels: list[str] = []
        self.rows = 0
        self._at = at

    def stage(self, label: str, total: int | None = None) -> None:
        """A part of the work begins."""
        self.labels.append(label)
        self._at(label)

    def advance(self, amount: int = 1) -> None:
        """So many rows are done since."""
        self.rows += amount


def moved(
    source: object,
    target: object,
    at: Callable[[str], None] = lambda _: None,
    *,
    restarts: bool = False,
) -> Moved:
    """Move from one path or URL to another."""
    return asyncio.run(_move(str(source), str(target), Watched(at), restarts=restarts))


async def _move(source: str, target: str, watched: Watched, *, restarts: bool) -> Moved:
    async with (
        open_database.source_of_move(source) as one,
        open_database.target_of_move(target) as other,
    ):
        return await move.move(one, other, watched, restarts=restarts)


def killed(source: object, target: object, after: int, *more: str) -> int:
    """Move in a process that kills itself after so many writes to the target; returns its exit code."""
    return _in_process(source, target, after, *more).returncode


def peak_memory(source: object, target: object) -> int:
    """Move in a process of its own; the most memory that it had, in bytes."""
    return int(_in_process(source, target, 10**9).stdout) * 1024


def _in_process(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.support.faults.killed_moves", *map(str, words)]
    done = subprocess.run(
        command, cwd=ROOT, timeout=TIMEOUT_SECONDS, capture_output=True, text=True
    )
    assert done.returncode in (0, -9), done.stderr
    return done


def dump(file: Path) -> list[str]:
    """All statements of a registry's dump, but for what each database tells of itself."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        lines = "".join(dumps.statements(connection)).split(";\n")
    return sorted(line for line in lines if not line.startswith(OWN))


def write(file: Path, sql: str) -> None:
    """Write as another program does."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(sql)
