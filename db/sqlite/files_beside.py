"""Files beside a database, which other processes make and remove at any moment."""

import os
from pathlib import Path


def size_of(file: Path) -> int:
    """The file's size in bytes; 0 if it is missing."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def is_denied(file: Path, mode: int) -> bool:
    """Whether the file is there and this user lacks access of `mode` (os.R_OK, os.W_OK)."""
    # os.access does not tell a file that is missing from one that denies: only one file that is there
    # before and after has denied.
    before = identity(file)
    return not os.access(file, mode) and before is not None and before == identity(file)


def identity(file: Path) -> tuple[int, int] | None:
    """Which file is at a path; None if there is none."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
