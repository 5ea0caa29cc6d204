"""Files that still hold what was erased: copies of the database that were made before."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from db.backup import rotation
from db.model import instants

EVENTS = "adoption|repair|restore"


@dataclass(frozen=True, slots=True)
class Copy:
    file: str
    made_at: str
    bytes: int


def find(database: Path, folders: Sequence[Path], before: str) -> list[Copy]:
    """Copies beside a database, and backups in its folder, that folder's own folders and `folders`.

    Only those that were last written before an instant. Raises nothing for a folder that cannot be read.
    """
    file = database.resolve()
    beside = re.compile(rf"{re.escape(file.name)}\.before-({EVENTS})-.*")
    backup = re.compile(rf"{re.escape(file.stem)}-{rotation.TIME}\.db")
    found: dict[Path, None] = {}
    for path in _entries(file.parent):
        if beside.fullmatch(path.name):
            found[path] = None
    within = [path for path in _entries(file.parent) if path.is_dir()]
    for folder in (file.parent, *within, *(each.resolve() for each in folders)):
        for path in _entries(folder):
            if backup.fullmatch(path.name):
                found[path] = None
    copies = [_copy(path) for path in found if path.is_file()]
    return sorted(
        (each for each in copies if each.made_at < before),
        key=lambda each: (each.made_at, each.file),
    )


def _copy(path: Path) -> Copy:
    status = path.stat()
    made_at = instants.canonical(datetime.fromtimestamp(status.st_mtime, UTC))
    return Copy(str(path), made_at, status.st_size)


def _entries(folder: Path) -> Iterator[Path]:
    if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK):
        yield from sorted(folder.iterdir())
