"""Where the copies of a primary's file are, and whether the present one is whole.

Litestream writes new pages into the copy under SQLite's own exclusive lock, and once a whole transaction is
there, its number into a file beside it. If it fails or is killed in between, the lock is gone and the copy is
torn. So a copy is whole if no page of it is younger than that number: whoever reads looks at both while
he holds SQLite's shared lock.
"""

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from db.errors import Unavailable

# The clock for the times of files is coarse: what was written within this time may have equal ones.
TICK_NANOSECONDS = 20_000_000
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
NO_COPY = "this replica has no copy of the primary's database yet: try again later"


@dataclass(frozen=True, slots=True)
class State:
    """What a copy was in when it was looked at: equal states have the same rows, if they are whole."""

    path: Path
    device: int
    inode: int
    written_at: int  # nanoseconds of Unix time
    transaction: bytes
    is_whole: bool

    @property
    def token(self) -> bytes:
        return b"replica %d %d %b" % (self.device, self.inode, self.transaction)


class Copies:
    """The folder beside the path that the database would have if this server were the primary.

    Each copy has a numbered folder of its own, and `current` is a link to the one that is read.
    """

    def __init__(self, database: Path) -> None:
        self.database = database
        self.folder = database.with_name(f"{database.name}-replica")
        self.lock = self.folder / "lock"
        """Held by whoever writes copies."""
        self.writes = self.folder / "writes"
        """See db.replica.written."""
        self._link = self.folder / "current"

    def state(self) -> State:
        """Of the copy that is read; raises Unavailable if there is none."""
        path = self.current()
        try:
            # In this order: pages that are written in between make the copy look torn.
            with transaction_file(path).open("rb") as file:
                transaction, recorded = file.read(), os.fstat(file.fileno()).st_mtime_ns
            copy = path.stat()
        except OSError as error:
            raise Unavailable(NO_COPY) from error
        written = copy.st_mtime_ns
        is_whole = written < recorded or (
            written == recorded and time.time_ns() - written > TICK_NANOSECONDS
        )
        return State(path, copy.st_dev, copy.st_ino, written, transaction.strip(), is_whole)

    def current(self) -> Path:
        """The file of the copy that is read; raises Unavailable if there is none."""
        try:
            return self.folder / self._link.readlink() / "copy.db"
        except OSError as error:
            raise Unavailable(NO_COPY) from error

    def publish(self, copy: Path) -> None:
        """Let all who read from now on read this copy."""
        new = self._link.with_suffix(".new")
        new.unlink(missing_ok=True)
        new.symlink_to(copy.parent.name)
        new.replace(self._link)

    def withdraw(self) -> None:
        """Let nobody read any copy."""
        self._link.unlink(missing_ok=True)

    def new(self) -> Path:
        """A path for another copy, in a folder that is made for it."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        numbers = [int(each.name) for each in self.folder.iterdir() if each.name.isdecimal()]
        made = self.folder / str(max(numbers, default=0) + 1)
        made.mkdir(mode=0o700)
        (made / "boot").write_text(_boot_id())
        return made / "copy.db"

    def resumable(self) -> Path | None:
        """The present copy, if its follower can go on with it.

        None after this machine has started anew: pages may be lost that were not on the disk.
        """
        try:
            copy = self.current()
            is_of_this_boot = (copy.parent / "boot").read_text() == _boot_id() != ""
        except (Unavailable, OSError):
            return None
        return copy if is_of_this_boot and transaction_file(copy).exists() else None

    def remove_others(self, kept: Path | None) -> None:
        """Remove all copies but this one; whoever still reads one of them goes on."""
        if not self.folder.exists():
            return
        for each in self.folder.iterdir():
            if each.name.isdecimal() and (kept is None or each != kept.parent):
                shutil.rmtree(each, ignore_errors=True)


def transaction_file(copy: Path) -> Path:
    """Where litestream writes which transaction a copy has reached."""
    return copy.with_name(f"{copy.name}-txid")


def mark_torn(copy: Path) -> None:
    """Have nobody read a copy before its follower has brought it to the end of a transaction."""
    # Its own times say so, for all processes. In a tick of their own: the number may be as young as a page.
    later = time.time_ns() + TICK_NANOSECONDS
    os.utime(copy, ns=(later, later))


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""
