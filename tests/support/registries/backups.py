"""What the tests of backups, restores and dumps share: a small registry, and what it holds."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.registries.databases import ADD, NAMES, new_registry

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
