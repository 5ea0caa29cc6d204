"""Change tokens: bytes that differ after every commit to the database.

`PRAGMA data_version` changes when another connection commits, but means nothing to other processes. So the
token is made from the last frame of the write-ahead log: its salts and its checksum over all frames
(https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
"""

import os
import sqlite3
import time
from pathlib import Path

from db.sqlite import library

WAL_HEADER = 32
FRAME_HEADER = 24
# The clock for the times of files is coarse: a file written twice within this time may look the same.
SETTLED_SECONDS = 2.0


class ChangeTokens:
    """Needs a connection that never writes, so that it notices every commit."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path.resolve()
        self._own = os.urandom(16)
        self._version = -1
        self._state = b""

    def current(self) -> bytes | None:
        """The present state's token, or None if it is unknown; later reads see this state or a newer one."""
        # Different states never have the same token; one state may have several, in two processes
        # or before and after a checkpoint.
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
        """The token for all processes; None if they would not see the same one."""
        if not library.IS_SAFE_FOR_SEVERAL_WRITERS:  # older versions lack wal_checkpoint(NOOP) too
            return None
        # In this order, a change between two of these reads gives the token of an older state.
        file = self._path.stat()
        header = self._wal(0, WAL_HEADER)
        ((_, frames, _),) = self._connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchall()
        if frames == 0:
            return self._settled(file)
        page_bytes, salts = int.from_bytes(header[8:12]), header[16:24]
        place = WAL_HEADER + (frames - 1) * (FRAME_HEADER + page_bytes)
        frame = self._wal(place, FRAME_HEADER)
        # If the log was restarted in between, the frame here may not be committed yet.
        return b"%d %s" % (frames, frame) if salts and frame[8:16] == salts else None

    def _settled(self, file: os.stat_result) -> bytes | None:
        if time.time() - max(file.st_mtime, file.st_ctime) < SETTLED_SECONDS:
            return None
        return b"%d %d %d" % (file.st_ino, file.st_mtime_ns, file.st_ctime_ns)

    def _wal(self, place: int, size: int) -> bytes:
        # Closing a file drops this process's locks on it. SQLite locks the main file and the index of
        # the log, but never the log itself, so the log may be opened here.
        try:
            with Path(f"{self._path}-wal").open("rb") as file:
                file.seek(place)
                return file.read(size)
        except FileNotFoundError:
            return b""
