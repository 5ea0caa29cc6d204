"""The processes that have the database open, where the system tells: on Linux, our own or, for root, all."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def with_open(file: Path) -> tuple[int, ...]:
    """The ids of the other processes that have this file open."""
    try:
        status = file.stat()
    except OSError:
        return ()
    identity = status.st_dev, status.st_ino
    return tuple(sorted(pid for pid in _others() if _has_open(pid, file.name, identity)))


def name(pid: int) -> str:
    """Its id and program, without arguments, which may hold a secret."""
    try:
        return f"process {pid} ({(PROC / str(pid) / 'comm').read_text().strip()})"
    except OSError:
        return f"process {pid}"


def arguments(pid: int) -> list[str]:
    """Never to be shown."""
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(each) for each in raw.split(b"\0")]


def open_file_limit(pid: int) -> int | None:
    """How many files it may open; None if the system does not tell."""
    try:
        lines = (PROC / str(pid) / "limits").read_text().splitlines()
        (line,) = [each for each in lines if each.startswith("Max open files")]
        return int(line.split()[3])
    except (OSError, ValueError):
        return None


def _others() -> Iterator[int]:
    if PROC.is_dir():
        pids = (int(each.name) for each in PROC.iterdir() if each.name.isdigit())
        yield from (pid for pid in pids if pid != os.getpid())


def _has_open(pid: int, name: str, identity: tuple[int, int]) -> bool:
    with suppress(OSError):  # it has ended, or is another user's
        for each in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):  # just closed
                # Most are other files, of which the name is known without a look at them.
                if each.readlink().name != name:
                    continue
                status = each.stat()
                if (status.st_dev, status.st_ino) == identity:
                    return True
    return False
