"""Putting a backup or a dump in the place of a database, which is kept beside it."""

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from db.backup import backups, dump_loading
from db.backup.backups import Advance, Copied
from db.errors import BootRefused
from db.migrating import migrator
from db.sqlite import file_checks, new_files

MAGIC = b"SQLite"
JOURNALS = ("-wal", "-shm", "-journal")

# Where SQLite locks a database file, whatever is in it: a connection in WAL mode holds a part of this
# range from its first statement until it is closed.
LOCKS_BEGIN, LOCKS = 0x40000000, 512


@dataclass(frozen=True, slots=True)
class Restored:
    """What the database now holds, and where the one before it is; None when there was none."""

    copied: Copied
    kept: Path | None


def restore(file: Path, database: Path, *, advance: Advance = lambda _: None) -> Restored:
    """Replace a database by what a backup, or a dump as SQL text, holds.

    The new one is made beside it and verified first, and takes its place in one step. Raises
    BootRefused, having changed nothing, when the file is no sound registry, when somebody has the
    database open, and when there is no room.
    """
    target = database.resolve()
    _require_source(file, target)
    if target.exists() and not target.is_file():
        raise BootRefused(f"{target} is not an ordinary file: name another database")
    with _alone(target):
        pass  # said at once, not after the work
    with new_files.aside(target) as new:
        _make(file, new, advance)
        copied = backups.verify(new, file, lambda: advance(0))
        _require_ours(new, file)
        _checkpoint(target)
        with _alone(target):
            kept = _exchange(new, target)
    return Restored(copied, kept)


def _require_source(file: Path, target: Path) -> None:
    if not file.exists():
        raise BootRefused(f"{file} does not exist: name a backup or a dump")
    if file.is_symlink():
        raise BootRefused(
            f"{file} is a symbolic link: name {file.resolve()} itself if that is meant"
        )
    if not file.is_file():
        raise BootRefused(f"{file} is not an ordinary file: name a backup or a dump")
    if target.exists() and file.samefile(target):
        raise BootRefused(f"{file} is the database itself: name a backup or a dump of it")
    if not os.access(file, os.R_OK):
        raise BootRefused(f"{file} cannot be read by this user: change its owner or permissions")
    if file.stat().st_size == 0:
        raise BootRefused(f"{file} is empty (0 bytes), as a failed copy leaves it: name another")


def _make(file: Path, new: Path, advance: Advance) -> None:
    with file.open("rb") as source:
        is_database = source.read(len(MAGIC)) == MAGIC
    if not is_database:
        dump_loading.load(file, new, advance)
        return
    with file_checks.looking(file.resolve(), alone=True) as connection:
        backups.copy(connection, file, new, advance)


def _require_ours(new: Path, file: Path) -> None:
    try:
        migrator.inspect(new)
    except BootRefused as refused:
        raise BootRefused(str(refused).replace(str(new.resolve()), str(file))) from refused


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Keep everybody else from opening a database; raises BootRefused when somebody has."""
    with ExitStack() as stack:
        if database.exists():
            held = stack.enter_context(database.open("r+b"))
            try:
                fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB, LOCKS, LOCKS_BEGIN)
            except OSError:
                raise BootRefused(
                    f"{database} is open in another program, such as a server: stop it, restore,"
                    " and start it again"
                ) from None
        yield


def _checkpoint(database: Path) -> None:
    """Have what a killed server left beside a database written into it, where it is sound."""
    if database.exists():
        with suppress(sqlite3.Error), closing(file_checks.connect(database, "rw")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _exchange(new: Path, target: Path) -> Path | None:
    """Put a new database in place of one that is held alone; returns where that is kept."""
    kept = target.with_name(f"{target.name}.before-restore-{new_files.stamp()}")
    if target.exists():
        _resemble(new, target)
    moved = []
    try:
        # A journal left beside the new database would be taken for its own.
        for suffix in JOURNALS:
            journal = target.with_name(target.name + suffix)
            if journal.exists():
                moved.append((journal, kept.with_name(kept.name + suffix)))
                journal.rename(moved[-1][1])
        if target.exists():
            moved.append((target, kept))
            _keep(target, kept)
        new_files.publish(new, target)
    except BaseException:
        if new.exists():  # else it has the place already, and what was moved must stay away
            _put_back(moved)
        raise
    return kept if kept.exists() else None


def _keep(target: Path, kept: Path) -> None:
    try:
        kept.hardlink_to(target)  # the database is never missing from its place
    except OSError:  # a file system without links
        target.rename(kept)


def _put_back(moved: list[tuple[Path, Path]]) -> None:
    for place, kept in moved:
        if kept.exists():
            kept.replace(place)
            # Of two links to one file, replacing one by the other leaves both.
            kept.unlink(missing_ok=True)


def _resemble(new: Path, target: Path) -> None:
    """Let those open the new file who could open the old one."""
    made, old = new.stat(), target.stat()
    if (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.chown(new, old.st_uid, old.st_gid)
        except PermissionError:
            raise BootRefused(
                f"{target} belongs to somebody else: restore it as its owner"
            ) from None
    new.chmod(stat.S_IMODE(old.st_mode))
