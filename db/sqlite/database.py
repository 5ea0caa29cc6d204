"""The Database of an embedded SQLite file: a pool of readers, one writer, and an inline reader."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar, cast

from db import newer_version
from db.attribution import Attribution
from db.consistency import NOW, At
from db.database import Session, Statistics
from db.errors import Damaged
from db.program import Program
from db.security.row_security import UNRESTRICTED, RowSecurity
from db.sqlite.checkpoints import LOG_LIMITS, Checkpoints, LogLimits
from db.sqlite.connection_thread import DAMAGED, Faults
from db.sqlite.files_beside import size_of
from db.sqlite.followers import Followers
from db.sqlite.inline_reader import InlineReader
from db.sqlite.reader_pool import ReaderPool
from db.sqlite.session import SQLiteSession
from db.sqlite.writer import Writer

T = TypeVar("T")


async def _none_pending(_: "SQLiteDatabase") -> list[str]:
    return []


class SQLiteDatabase:
    has_copies = False
    has_replicas = False
    """Whether reads elsewhere may be older than its writes, which then get marks."""

    def __init__(
        self,
        path: Path,
        readers: ReaderPool,
        writer: Writer,
        inline: InlineReader,
        log_limits: LogLimits,
        pending: "Callable[[SQLiteDatabase], Awaitable[list[str]]]",
    ) -> None:
        self.path = path
        self._pool = readers
        self._writer = writer
        self._inline = inline
        self._checkpoints = Checkpoints(writer.thread, readers, path, log_limits)
        self._followers = Followers(inline.commit_count, writer.file.require)
        writer.committed = self._followers.wake
        self._pending = pending

    @classmethod
    async def open(
        cls,
        path: str | Path,
        *,
        readers: int = 2,
        read_seconds: float = 5.0,
        wait_seconds: float = 1.0,
        min_free_bytes: int = 0,
        log_limits: LogLimits = LOG_LIMITS,
        newest: str = newer_version.ANY,
        pending: "Callable[[SQLiteDatabase], Awaitable[list[str]]]" = _none_pending,
    ) -> "SQLiteDatabase":
        """Open an existing, migrated file; raises sqlite3.Error if it cannot be opened."""
        # See open_database, and newer_version for `newest`; `pending` names the migrations that it lacks.
        file = Path(path)
        async with AsyncExitStack() as undo:
            faults = Faults(file)
            writer = await Writer.open(
                file,
                faults,
                wait_seconds=wait_seconds,
                min_free_bytes=min_free_bytes,
                newest=newest,
            )
            undo.push_async_callback(writer.close)
            pool = await ReaderPool.open(
                file, faults, count=readers, read_seconds=read_seconds, wait_seconds=wait_seconds
            )
            undo.push_async_callback(pool.close)
            inline = InlineReader.open(file, faults)
            undo.pop_all()
        return cls(file, pool, writer, inline, log_limits, pending)

    async def read(
        self,
        program: Program[T],
        security: RowSecurity = UNRESTRICTED,
        *,
        few: bool = False,
        at: At = NOW,
    ) -> T:
        if few:
            return self._inline.run(program, security)
        async with self._pool.session(security) as session:
            return await session.run(program, last=True)

    async def read_short(
        self, program: Program[T], security: RowSecurity = UNRESTRICTED, *, at: At = NOW
    ) -> T:
        return self._inline.run(program, security, must_be_short=True)

    async def write(
        self,
        program: Program[T],
        security: RowSecurity = UNRESTRICTED,
        *,
        share: str = "",
        attribution: Attribution | None = None,
    ) -> T:
        return await self._writer.write(program, security, share, attribution)

    async def change_token(self, *, within: float = 0.0) -> bytes | None:
        return self._inline.change_token()

    async def mark(self) -> int:
        # Replicas compare it with the newest heartbeat that they have.
        return time.time_ns() // 1_000_000 if self.has_replicas else 0

    def follow(self, after: int) -> AsyncGenerator[int]:
        return self._followers.follow(self, after)

    def reads_long(self) -> bool:
        # The two threads would wait for Python's lock again and again: both need it between two statements.
        return self._pool.reads_long

    def reads_waiting(self) -> int:
        return self._pool.waiting

    async def pending(self) -> list[str]:
        if self._writer.thread.faults.found_damage:
            raise Damaged(DAMAGED)
        self._writer.file.require()
        return await self._pending(self)

    async def borrow(
        self,
        security: RowSecurity = UNRESTRICTED,
        *,
        share: str = "",
        at: At = NOW,
    ) -> Session:
        return await self._pool.borrow(security, share)

    def give_back(self, session: Session) -> None:
        self._pool.give_back(cast(SQLiteSession, session))  # only this pool's own come back

    def statistics(self) -> Statistics:
        return Statistics(
            readers=self._pool.count,
            readers_in_use=self._pool.in_use,
            reads_waiting=self._pool.waiting,
            longest_read_wait=self._pool.longest_wait,
            reads_refused=self._pool.refused,
            writes_waiting=self._writer.waiting,
            longest_write_wait=self._writer.longest_wait,
            writes_refused=self._writer.refused,
            groups=self._writer.groups,
            bytes_on_disk=size_of(self.path),
            log_bytes=self._checkpoints.log_bytes,
            log_blocked_seconds=self._checkpoints.blocked_seconds,
        )

    async def close(self) -> None:
        self._followers.close()
        await self._checkpoints.close()
        try:
            await self._writer.close()
        finally:
            self._inline.close()
            await self._pool.close()
