"""What the tests of backups, restores and dumps share: a small registry, and commands run on it."""

import resource
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.support.databases import ADD, NAMES, new_registry
from tests.support.server_process import COMMAND

KEY = "INSERT INTO server_keys (name, value, created_at) VALUES ('test', 'secret', 'now')"


def registry(path: Path, *names: str) -> Path:
    """A migrated registry with actors of these names, closed again."""
    new_registry(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(KEY)
        for name in names:
            connection.execute(ADD, {"name": name})
    return path


def names_in(path: Path) -> list[str]:
    """The actors of a registry, as another program finds them; the file must be sound."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [name for (name,) in connection.execute(NAMES)]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def command(*words: object, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run one command in a process of its own, whose files may not grow past `limit` bytes."""
    before: Callable[[], None] | None = None
    if limit is not None:
        before = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # noqa: E731
    whole = [*COMMAND, *map(str, words)]
    return subprocess.run(whole, capture_output=True, text=True, timeout=120, preexec_fn=before)


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """What a command that failed said, which is one line and nothing else."""
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done
    assert done.stderr.startswith("chittygraph: ")
    return done.stderr
