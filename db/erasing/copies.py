"""Files that still hold what was erased: copies of the database that were made before."""

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from db.backup import rotation
from db.model import instants

EVENTS = "adoption|repair|restore"
MAGIC = b"SQLite format 3\0"
HELD = """
    SELECT 1 FROM actors
    WHERE chitty_id = :chitty_id
      AND coalesce(display_name, email, avatar_url, chitty_auth_principal_id) IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Copy:
    file: str
    made_at: str
    bytes: int


def find(database: Path, folders: Sequence[Path], before: str, chitty_id: str) -> list[Copy]:
    """Copies beside a database, and backups in its folder, that folder's own folders and `folders`.

    Those whose name says so, if they were last written before an instant, and databases of any name whose
    row of the actor is not erased. Raises nothing for a folder or file that cannot be read.
    """
    file = database.resolve()
    beside = re.compile(rf"{re.escape(file.name)}\.before-({EVENTS})-.*")
    backup = re.compile(rf"{re.escape(file.stem)}-{rotation.TIME}\.db")
    within = [path for path in _entries(file.parent) if path.is_dir()]
    found: dict[Path, Copy] = {}
    for folder in (file.parent, *within, *(each.resolve() for each in folders)):
        for path in _entries(folder):
            if path == file or not path.is_file():
                continue
            is_beside = folder == file.parent and beside.fullmatch(path.name)
            if is_beside or backup.fullmatch(path.name):
                if (copy := _copy(path)).made_at < before:
                    found[path] = copy
            elif _holds(path, chitty_id):
                found[path] = _copy(path)
    return sorted(found.values(), key=lambda each: (each.made_at, each.file))


def _holds(path: Path, chitty_id: str) -> bool:
    try:
        with path.open("rb") as opened:
            if opened.read(len(MAGIC)) != MAGIC:
                return False
        # Read as it is, without a lock or a file beside it: nothing is left in folders of others.
        uri = f"{path.as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            return connection.execute(HELD, {"chitty_id": chitty_id}).fetchone() is not None
    except (OSError, sqlite3.Error):
        return False


def _copy(path: Path) -> Copy:
    status = path.stat()
    made_at = instants.canonical(datetime.fromtimestamp(status.st_mtime, UTC))
    return Copy(str(path), made_at, status.st_size)


def _entries(folder: Path) -> Iterator[Path]:
    if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK):
        yield from sorted(folder.iterdir())
