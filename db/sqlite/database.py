"""The database of an embedded SQLite file: a pool of readers, one writer, and reads at once."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from db.program import Program
from db.security.row_security import UNRESTRICTED, RowSecurity
from db.sqlite.inline_reader import Points
from db.sqlite.reader_pool import Readers, Session
from db.sqlite.writer import Writer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a database is.

    `groups` counts the transactions of this process so far by how many writes shared one.
    """

    readers: int
    readers_in_use: int
    writes_waiting: int
    groups: Mapping[int, int]


class Database:
    """Runs Programs against one migrated SQLite file.

    Each runs with a Sight, which is everything for what the server itself does.
    """

    def __init__(self, path: Path, readers: Readers, writer: Writer, points: Points) -> None:
        self.path = path
        self._readers = readers
        self._writer = writer
        self._points = points

    @classmethod
    async def open(
        cls,
        path: str | Path,
        *,
        readers: int = 2,
        read_seconds: float = 5.0,
        min_free_bytes: int = 0,
    ) -> "Database":
        """Open an existing, migrated file.

        `read_seconds` is what one session may spend inside statements; nothing is written while less
        than `min_free_bytes` of disk are free. Raises sqlite3.Error where the file cannot be opened.
        """
        file = Path(path)
        async with AsyncExitStack() as undo:
            writer = await Writer.open(file, min_free_bytes=min_free_bytes)
            undo.push_async_callback(writer.close)
            pool = await Readers.open(file, count=readers, seconds=read_seconds)
            undo.push_async_callback(pool.close)
            points = Points.open(file)
            undo.pop_all()
        return cls(file, pool, writer, points)

    async def read(self, program: Program[T], security: RowSecurity = UNRESTRICTED) -> T:
        """Run a Program whole in a snapshot of its own.

        Raises ReadTimeout when it takes too long, and Unavailable when nothing can be read.
        """
        async with self._readers.session(security) as session:
            return await session.run(program, last=True)

    def read_at_once(self, program: Program[T], security: RowSecurity = UNRESTRICTED) -> T:
        """Run a Program that reads a few rows by key, without waiting for anything.

        Raises Unavailable when the database is closed, and sqlite3.Error when it cannot be read now.
        """
        return self._points.run(program, security)

    def state(self) -> bytes | None:
        """Bytes that any commit changes, whoever makes it, or None when the state cannot be told.

        What is read afterwards is of this state or a later one. No table is read for it.
        """
        return self._points.state()

    async def write(self, program: Program[T], security: RowSecurity = UNRESTRICTED) -> T:
        """Run a Program in a transaction and return its result once it is on the disk.

        Raises what the Program raises, its writes undone, and Unavailable when nothing can be written.
        """
        return await self._writer.write(program, security)

    def snapshot(
        self, security: RowSecurity = UNRESTRICTED
    ) -> AbstractAsyncContextManager[Session]:
        """Borrow one snapshot for several Programs."""
        return self._readers.session(security)

    async def borrow(self, security: RowSecurity = UNRESTRICTED) -> Session:
        """Borrow one snapshot until it is given back; raises Unavailable when the database closes."""
        return await self._readers.borrow(security)

    def give_back(self, session: Session) -> None:
        """Give a borrowed snapshot back; whatever still runs in it stops."""
        self._readers.give_back(session)

    def load(self) -> Load:
        """How busy it is at this moment."""
        return Load(
            readers=self._readers.count,
            readers_in_use=self._readers.in_use,
            writes_waiting=self._writer.waiting,
            groups=self._writer.groups,
        )

    def bytes_on_disk(self) -> tuple[int, int]:
        """The sizes of the file and of its write-ahead log; 0 for one that is not there."""
        return _size(self.path), _size(self.path.with_name(f"{self.path.name}-wal"))

    async def close(self) -> None:
        """Write what waits, stop what is being read and close every connection."""
        try:
            await self._writer.close()
        finally:
            self._points.close()
            await self._readers.close()


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
