"""Which state of the database a reader would see now, as bytes that differ after every commit.

SQLite counts for each connection how often it has seen somebody else's commit (`PRAGMA data_version`).
The one here never writes, so that no commit of any program escapes it, and only when that number has
changed is there more to look up. The number means nothing to other processes, so that what they all
see of the state is made of the last frame of the write-ahead log: its generation's random salts and
the checksum over all its frames (https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
"""

import os
import sqlite3
import time
from pathlib import Path

from db.sqlite import library

WAL_HEADER = 32
FRAME_HEADER = 24
# The clock by which a file's times are set is a coarse one: written again within so short a time, a
# file may look the same. What was written longer ago than this would look different.
SETTLED_SECONDS = 2.0


class ChangeTokens:
    """Looks through a connection that never writes; only its thread may ask."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path.resolve()
        self._own = os.urandom(16)
        self._version = -1
        self._state = b""

    def current(self) -> bytes | None:
        """The state of now, or None when it cannot be told at this moment.

        What is read afterwards is of this state or of a later one, never of an earlier one. Two states
        that differ never have the same bytes; the same state, seen by two processes or before and after
        a checkpoint, may have different ones.
        """
        try:
            ((version,),) = self._connection.execute("PRAGMA data_version").fetchall()
            if version != self._version:
                shared = self._shared()
                if shared is None:
                    return b"%s %d" % (self._own, version)
                self._version, self._state = version, shared
        except (sqlite3.Error, OSError):
            return None
        return self._state

    def _shared(self) -> bytes | None:
        """What every process sees of the state; None where they would not all see the same."""
        if not library.IS_SAFE_FOR_SEVERAL_WRITERS:  # nor does it count frames without a checkpoint
            return None
        # In this order: whatever changes between two looks makes the bytes those of an older state.
        file = self._path.stat()
        header = self._wal(0, WAL_HEADER)
        ((_, frames, _),) = self._connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchall()
        if frames == 0:
            return self._settled(file)
        page_bytes, salts = int.from_bytes(header[8:12]), header[16:24]
        place = WAL_HEADER + (frames - 1) * (FRAME_HEADER + page_bytes)
        frame = self._wal(place, FRAME_HEADER)
        # A log that was begun anew in between may hold a frame here that nobody may read yet.
        return b"%d %s" % (frames, frame) if salts and frame[8:16] == salts else None

    def _settled(self, file: os.stat_result) -> bytes | None:
        """The state of a database that is all in its main file."""
        if time.time() - max(file.st_mtime, file.st_ctime) < SETTLED_SECONDS:
            return None
        return b"%d %d %d" % (file.st_ino, file.st_mtime_ns, file.st_ctime_ns)

    def _wal(self, place: int, size: int) -> bytes:
        # SQLite locks the main file and the index of the log, never the log: it may be opened here.
        # To close a file that has locks would let go of them all.
        try:
            with Path(f"{self._path}-wal").open("rb") as file:
                file.seek(place)
                return file.read(size)
        except FileNotFoundError:
            return b""
