"""A disk that is full, and has space again: a small one of its own, or else a limit of the size of files."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Protocol

from tests.support.services.commands import command, command_process

SIZE = 2**24
FILLER = "filler"


class SmallDisk(Protocol):
    """Where a registry is, and what makes it full."""

    folder: Path

    def fill(self, pid: int, left: int = 0) -> None:
        """Leave this process so many bytes to write."""

    def clear(self, pid: int) -> None:
        """Give it space again."""

    def run(self, *words: object, left: int) -> CompletedProcess[str]:
        """Run a command that may write so many bytes."""


class MountedDisk:
    """A file system in memory, which a file fills."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, pid: int, left: int = 0) -> None:
        free = os.statvfs(self.folder)
        with (self.folder / FILLER).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, free.f_bavail * free.f_frsize - left))

    def clear(self, pid: int) -> None:
        (self.folder / FILLER).unlink()

    def run(self, *words: object, left: int) -> CompletedProcess[str]:
        self.fill(os.getpid(), left)
        try:
            return command(*words)
        finally:
            self.clear(os.getpid())


class LimitedFiles:
    """A folder in which a process may write files up to a size: what a system without mounts allows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, pid: int, left: int = 0) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (left, resource.RLIM_INFINITY))

    def clear(self, pid: int) -> None:
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)

    def run(self, *words: object, left: int) -> CompletedProcess[str]:
        return command_process(*words, limit=left)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """A disk of 16 MB at this folder, if the system lets the tests mount one."""
    folder.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tests", str(folder))
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        yield LimitedFiles(folder)
        return
    try:
        yield MountedDisk(folder)
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)
