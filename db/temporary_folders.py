"""Temporary folders, of which a process that is stopped leaves none behind.

The handler of a signal may raise between any two lines of Python: within `tempfile.mkdtemp`, say, or
while a folder is being removed. So each folder is noted before it exists and forgotten only once it is
gone, and `server.cli` calls `remove_all` when a command ends.
"""

import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STOPPING = (signal.SIGINT, signal.SIGTERM)

_folders: set[Path] = set()


@contextmanager
def create(parent: Path | None = None, prefix: str = "chittygraph-") -> Iterator[Path]:
    """A new folder that only this user may enter, removed with all it holds.

    It lies in `parent`, or where the system keeps temporary files.
    """
    folder = (parent or _system_folder()) / f"{prefix}{secrets.token_hex(4)}"
    _folders.add(folder)
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _remove(folder)


def remove_all() -> None:
    """Remove the temporary folders that are left, whatever interrupted their use."""
    for folder in list(_folders):
        _remove(folder)


def _remove(folder: Path) -> None:
    with _signals_held():  # `rmtree` closes a file twice where a handler raises within
        shutil.rmtree(folder, ignore_errors=True)  # others may remove what is theirs meanwhile
        if folder.exists():
            shutil.rmtree(folder)
        _folders.discard(folder)


def _system_folder() -> Path:
    with _signals_held():  # the first call writes a file there to try it, and removes the file
        return Path(tempfile.gettempdir())


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let signals that stop the process wait until the block is left, unless another thread takes them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
