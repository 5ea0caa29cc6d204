"""Keeps the newest backups in a folder, named by the time they were made."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from db.backup import backups
from db.backup.backups import Advance, CopySummary
from db.sqlite import new_files

TIME = r"\d{8}T\d{6}\.\d{3}Z"


def add_backup(
    database: Path, folder: Path, keep: int, advance: Advance
) -> tuple[Path, CopySummary]:
    """Add a backup of a file; see `add`."""
    return add(
        database.stem, lambda new: backups.backup(database, new, advance=advance), folder, keep
    )


def add(
    stem: str, make: Callable[[Path], CopySummary], folder: Path, keep: int
) -> tuple[Path, CopySummary]:
    """Add a backup to a folder, which is made if it is missing, then delete all but the newest `keep`.

    `make` makes it, and names of backups begin with `stem`. Nothing is deleted if the backup fails or lacks
    what the database has lost, nor files with other names. Raises BootRefused or OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = folder / f"{stem}-{new_files.stamp()}.db"
    copied = make(new)
    if not copied.broken:
        _rotate(folder, stem, new, keep)
    return new, copied


def _rotate(folder: Path, stem: str, new: Path, keep: int) -> None:
    name = re.compile(rf"{re.escape(stem)}-{TIME}\.db")
    own = [path for path in folder.iterdir() if name.fullmatch(path.name) and path != new]
    # The clock may have been set back: the newest by name need not be the one just made.
    older = sorted(path for path in own if path.is_file() and not path.is_symlink())
    surplus = max(len(older) + 1 - keep, 0)
    for path in older[:surplus]:
        path.unlink()
    _sweep(folder, stem, min([*older[surplus:], new]))


def _sweep(folder: Path, stem: str, oldest: Path) -> None:
    # A killed backup of a former version left its temporary folder, which held no lock.
    made_in = re.compile(rf"\.({re.escape(stem)}-{TIME}\.db)-\w+")
    for path in folder.iterdir():
        match = made_in.fullmatch(path.name)
        if match is not None and match[1] < oldest.name and path.is_dir():
            shutil.rmtree(path)
