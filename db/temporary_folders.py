"""Temporary folders that even a stopped process removes, and the next one after a killed process.

A signal's handler may raise anywhere, even within `tempfile.mkdtemp` or a removal. So each folder is recorded
before it exists until it is gone, and `server.cli` calls `remove_all` when a command ends.

A process holds a lock on each of its folders, which the system releases however the process ends. So a folder
that can be locked belongs to no running process.
"""

import fcntl
import os
import re
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STOPPING = (signal.SIGINT, signal.SIGTERM)
# Folders of former versions had 8 digits and no lock.
NAME = re.compile(r"\.?chittygraph-[0-9a-f]{12}")

_folders: dict[Path, int | None] = {}  # with the descriptor that holds the lock


@contextmanager
def create(parent: Path | None = None) -> Iterator[Path]:
    """A new private folder in `parent` (or the system's temporary folder), removed with all it holds.

    Folders that killed processes left there are removed first.
    """
    place = parent or _system_folder()
    sweep(place)
    hidden = "" if parent is None else "."
    is_ours = False
    while not is_ours:  # another process may take a folder for abandoned before it is locked
        folder = place / f"{hidden}chittygraph-{secrets.token_hex(6)}"
        _folders[folder] = None
        try:
            folder.mkdir(mode=0o700)
            is_ours = _claim(folder)
            if is_ours:
                yield folder
        finally:
            _remove(folder)


def sweep(place: Path) -> None:
    """Remove what killed processes left in a folder."""
    for folder in abandoned(place):
        with _hold_signals(), _locked(folder) as is_locked:
            if is_locked:
                shutil.rmtree(folder, ignore_errors=True)


def abandoned(place: Path) -> list[Path]:
    """The temporary folders in a folder that no running process holds."""
    found = []
    with suppress(OSError), os.scandir(place) as entries:
        found = [Path(each.path) for each in entries if NAME.fullmatch(each.name)]
    return sorted(folder for folder in found if folder not in _folders and _is_abandoned(folder))


def _is_abandoned(folder: Path) -> bool:
    with _locked(folder) as is_locked:
        return is_locked


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether the folder could be locked, which then lasts until the block ends."""
    try:
        held = _lock(folder)
    except OSError:  # another process holds it, or it is another user's, gone, or on NFS
        yield False
        return
    try:
        yield True
    finally:
        os.close(held)


def _lock(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _claim(folder: Path) -> bool:
    """Lock a new folder; false if a process that sweeps was faster."""
    try:
        _folders[folder] = _lock(folder)
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError:  # a file system without such locks, where nothing is swept
        return True
    return folder.exists()


def remove_all() -> None:
    for folder in list(_folders):
        _remove(folder)


def _remove(folder: Path) -> None:
    with _hold_signals():  # `rmtree` closes a file twice where a handler raises within
        shutil.rmtree(folder, ignore_errors=True)  # others may remove what is theirs meanwhile
        if folder.exists():
            shutil.rmtree(folder)
        held = _folders.pop(folder, None)
        if held is not None:
            os.close(held)


def _system_folder() -> Path:
    with _hold_signals():  # the first call writes a file there to try it, and removes the file
        return Path(tempfile.gettempdir())


@contextmanager
def _hold_signals() -> Iterator[None]:
    """Delay the signals that stop the process until the block ends, unless another thread takes them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        # It runs the handlers of signals that came before, so it may raise with all of them blocked.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
