"""Temporary folders that even a stopped process removes.

A signal's handler may raise anywhere, even within `tempfile.mkdtemp` or a removal. So each folder is recorded
before it exists until it is gone, and `server.cli` calls `remove_all` when a command ends.
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
    """A new private folder in `parent` (or the system's temporary folder), removed with all it holds."""
    folder = (parent or _system_folder()) / f"{prefix}{secrets.token_hex(4)}"
    _folders.add(folder)
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _remove(folder)


def remove_all() -> None:
    for folder in list(_folders):
        _remove(folder)


def _remove(folder: Path) -> None:
    with _hold_signals():  # `rmtree` closes a file twice where a handler raises within
        shutil.rmtree(folder, ignore_errors=True)  # others may remove what is theirs meanwhile
        if folder.exists():
            shutil.rmtree(folder)
        _folders.discard(folder)


def _system_folder() -> Path:
    with _hold_signals():  # the first call writes a file there to try it, and removes the file
        return Path(tempfile.gettempdir())


@contextmanager
def _hold_signals() -> Iterator[None]:
    """Delay the signals that stop the process until the block ends, unless another thread takes them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
