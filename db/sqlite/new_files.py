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
    with temporary_folders.create(folder) as own:
        new = own / "new.db"
        new.touch(mode=file_checks.PRIVATE)
        yield new


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one place, where links may lead back to themselves."""
    return os.path.realpath(one) == os.path.realpath(other)


def publish(new: Path, target: Path) -> None:
    settle(new)
    new.replace(target)
    settle(target.absolute().parent)


def publish_first(new: Path, target: Path) -> bool:
    """Publish a file unless another has the name by now; returns whether it did."""
    settle(new)
    try:
        target.hardlink_to(new)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if target.exists():
            return False
        new.replace(target)
    settle(target.absolute().parent)
    return True


def settle(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stamp() -> str:
    """The present instant in UTC, for names of files that sort by it."""
    return re.sub("[-:]", "", instants.now())
