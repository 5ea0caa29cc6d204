"""New files that appear under their name whole and durable, or not at all."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from db import temporary_folders
from db.errors import BootRefused
from db.model import instants
from db.sqlite import file_checks


@contextmanager
def aside(target: Path) -> Iterator[Path]:
    """Yield a new file in a temporary folder beside `target`; raises BootRefused if it cannot be made."""
    folder = target.absolute().parent
    if not folder.is_dir():
        raise BootRefused(f"{target} cannot be written: there is no folder {folder}; create it")
    file_checks.require_writable_folder(target.absolute())
    with temporary_folders.create(folder, f".{target.name}-") as own:
        new = own / "new.db"
        new.touch(mode=file_checks.PRIVATE)
        yield new


def publish(new: Path, target: Path) -> None:
    settle(new)
    new.replace(target)
    settle(target.absolute().parent)


def settle(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stamp() -> str:
    """The present instant in UTC, for names of files that sort by it."""
    return re.sub("[-:]", "", instants.now())
