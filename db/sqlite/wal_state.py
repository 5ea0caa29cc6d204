"""How far a write-ahead log is checkpointed, and which processes keep it from going further.

Read from the WAL index, whose layout is documented (sqlite.org/walformat.html), and from the locks on it that
Linux lists. No connection of this process may be open meanwhile: closing a file drops its locks.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MODE_AT = 18  # of the read version in the database's header
PAGE_AT, FRAMES_AT, CHECKPOINTED_AT, MARKS_AT = 14, 16, 96, 100
MARKS = 5
HEAD = MARKS_AT + 4 * MARKS
FIRST_READ_LOCK = 123  # the byte of the index that a reader with the first mark locks
LOCKS = Path("/proc/locks")


@dataclass(frozen=True, slots=True)
class WalState:
    """`holders` are the processes that read a state before the newest, so that later frames must be kept."""

    bytes: int
    page_bytes: int
    frames: int
    checkpointed: int
    holders: tuple[int, ...]


def is_on(path: Path) -> bool:
    """Whether the file is in WAL mode by its header: a connection to an immutable file does not tell."""
    with path.open("rb") as file:
        return file.read(MODE_AT + 1)[MODE_AT:] == b"\x02"


def of(path: Path) -> WalState | None:
    """The state of the log beside a database; None if there is none. Raises OSError."""
    log, index = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return None
    head = _head(index)
    if len(head) < HEAD:
        return WalState(size, 0, 0, 0, ())
    (page,) = struct.unpack_from("=H", head, PAGE_AT)
    (frames,) = struct.unpack_from("=I", head, FRAMES_AT)
    (checkpointed,) = struct.unpack_from("=I", head, CHECKPOINTED_AT)
    marks = struct.unpack_from(f"={MARKS}I", head, MARKS_AT)
    held = _held(index)
    holders = {pid for pid, byte in held if marks[byte - FIRST_READ_LOCK] < frames}
    bytes_of_page = 65_536 if page == 1 else page
    return WalState(size, bytes_of_page, frames, checkpointed, tuple(sorted(holders)))


def is_locked(path: Path) -> bool:
    """Whether any process holds a lock on a file; False if it is missing, or where the system does not tell.

    Unlike the rest it opens no file, so that it may be asked at any time.
    """
    return any(_locks(path))


def _head(index: Path) -> bytes:
    try:
        with index.open("rb") as file:
            return file.read(HEAD)
    except FileNotFoundError:
        return b""


def _held(index: Path) -> list[tuple[int, int]]:
    """The processes that hold a reader's lock, and its byte; none where the system does not tell."""
    return [
        (pid, byte)
        for pid, first, last in _locks(index)
        for byte in range(FIRST_READ_LOCK, FIRST_READ_LOCK + MARKS)
        if first <= byte and (last is None or byte <= last)
    ]


def _locks(path: Path) -> Iterator[tuple[int, int, int | None]]:
    """Each lock on a file: the process that holds it, and its first and last byte, None for the end."""
    try:
        lines, status = LOCKS.read_text().splitlines(), path.stat()
    except OSError:
        return
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for _, _, _, _, pid, file, first, last in _fields(lines):
        if file == device:
            yield int(pid), int(first), None if last == "EOF" else int(last)


def _fields(lines: list[str]) -> list[list[str]]:
    """Each held lock; one that is waited for has an arrow, and one more field."""
    return [fields for line in lines if len(fields := line.split()) == 8]
