"""Replaces a database with a backup or a dump, and keeps the old one beside it."""

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from db.backup import backups, dump_loading
from db.backup.backups import Advance, CopySummary
from db.errors import BootRefused
from db.migrating import ledger, migrator
from db.sqlite import file_checks, new_files

MAGIC = b"SQLite"
JOURNALS = ("-wal", "-shm", "-journal")

# The bytes of a database file on which SQLite sets its locks: a connection in WAL mode holds some of them
# from its first statement until it is closed.
LOCKS_BEGIN, LOCKS = 0x40000000, 512


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """The content of the restored database, and the path of the old one; None if there was none."""

    copied: CopySummary
    kept: Path | None


def restore(file: Path, database: Path, *, advance: Advance = lambda _: None) -> RestoreResult:
    """Replace a database with the content of a backup or an SQL dump.

    The new database is made beside it, verified and then moved into place in one step. Raises BootRefused,
    with nothing changed, if the file is no intact registry, another program has the database open, or the
    disk is full.
    """
    target = database.resolve()
    require_source(file, target)
    if target.exists() and not target.is_file():
        raise BootRefused(f"{target} is not an ordinary file: name another database")
    with _locked(target):
        pass  # fails now rather than after the work
    with new_files.aside(target) as new:
        copied = prepare(file, new, advance)
        _checkpoint(target)
        with _locked(target):
            kept = _exchange(new, target)
    return RestoreResult(copied, kept)


def prepare(file: Path, new: Path, advance: Advance) -> CopySummary:
    """Make a verified registry of a backup or dump in an empty file; raises BootRefused like `restore`."""
    _make(file, new, advance)
    copied = backups.verify(new, file, lambda: advance(0))
    _require_ours(new, file)
    forget_cursors(new)
    return copied


def require_source(file: Path, target: Path | None = None) -> None:
    """Raise BootRefused if a file cannot be restored, for instance since it is the target."""
    if not file.exists():
        raise BootRefused(f"{file} does not exist: name a backup or a dump")
    if file.is_symlink():
        raise BootRefused(
            f"{file} is a symbolic link: name {file.resolve()} itself if that is meant"
        )
    if not file.is_file():
        raise BootRefused(f"{file} is not an ordinary file: name a backup or a dump")
    if target is not None and target.exists() and file.samefile(target):
        raise BootRefused(f"{file} is the database itself: name a backup or a dump of it")
    if not os.access(file, os.R_OK):
        raise BootRefused(f"{file} cannot be read by this user: change its owner or permissions")
    if file.stat().st_size == 0:
        raise BootRefused(f"{file} is empty (0 bytes), perhaps after a failed copy: name another")


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


FORGET_CURSORS = "DELETE FROM server_keys WHERE name = 'cursors'"


def forget_cursors(new: Path) -> None:
    """Let no cursor or id of a change work that was given before: a server makes a new key for them.

    What was changed after the backup is gone, and other changes get its numbers. A client that goes on after
    an old cursor would miss these, and take them for those that it has if it knows their ids.
    """
    with closing(file_checks.connect(new, "rw")) as connection:
        tables = {name for (name,) in connection.execute(ledger.TABLES)}
        if "server_keys" in tables:
            connection.execute(FORGET_CURSORS)


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    """Prevent others from opening a database; raises BootRefused if another program has it open."""
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
    """Write the write-ahead log that a killed server left into its database, if it is intact."""
    if database.exists():
        with suppress(sqlite3.Error), closing(file_checks.connect(database, "rw")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _exchange(new: Path, target: Path) -> Path | None:
    """Replace a locked database with a new one; returns the path of the old one."""
    kept = target.with_name(f"{target.name}.before-restore-{new_files.stamp()}")
    if target.exists():
        _copy_permissions(new, target)
    moved = []
    try:
        # SQLite would take a journal that is left beside the new database for its own.
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
        if new.exists():  # else it is in place already, and the old files must not come back
            _undo_moves(moved)
        raise
    return kept if kept.exists() else None


def _keep(target: Path, kept: Path) -> None:
    try:
        kept.hardlink_to(target)  # the database is never missing from its place
    except OSError:  # a file system without links
        target.rename(kept)


def _undo_moves(moved: list[tuple[Path, Path]]) -> None:
    for place, kept in moved:
        if kept.exists():
            kept.replace(place)
            # Replacing a file by another link to it leaves both.
            kept.unlink(missing_ok=True)


def _copy_permissions(new: Path, target: Path) -> None:
    new_stat, old = new.stat(), target.stat()
    if (new_stat.st_uid, new_stat.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.chown(new, old.st_uid, old.st_gid)
        except PermissionError:
            raise BootRefused(
                f"{target} belongs to another user: restore it as its owner"
            ) from None
    new.chmod(stat.S_IMODE(old.st_mode))
