"""The Database of a replica: it reads the copy of its primary's file, and writes nothing."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar, cast

from db import heartbeat
from db.attribution import Attribution
from db.consistency import NOW, At
from db.database import Session, Statistics
from db.errors import Damaged, EngineError, NeedsThread, ReadOnly, TooOld, Unavailable
from db.program import Program
from db.queries import cursors
from db.replica.copies import Copies, State
from db.replica.copy_thread import CopySession, CopyThread, new_session
from db.replica.fitness import Fitness, OtherVersion
from db.security.row_security import UNRESTRICTED, RowSecurity
from db.sqlite.connection_thread import DAMAGED, Faults
from db.sqlite.files_beside import size_of
from db.sqlite.followers import Followers
from db.sqlite.reader_pool import ReaderPool
from db.sqlite.session import SQLiteSession

T = TypeVar("T")

LOOK_SECONDS, LOOK_LIMIT_SECONDS = 0.1, 5.0
# The clocks of two machines differ by less, or a heartbeat of the future would hide how old a copy is.
MOST_AHEAD_SECONDS = 1.0
READ_ONLY = "this server is a replica, which writes nothing: send it to the primary"
NO_HEARTBEAT = (
    "the age of this replica's copy is not known, since its primary writes no heartbeat: set"
    " CHITTYGRAPH_HEARTBEAT_SECONDS there"
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Position:
    """What a copy holds: the newest heartbeat of the primary, in Unix time, and the key of its cursors."""

    beat_at: float | None
    cursor_key: bytes | None


class ReplicaDatabase:
    """Raises Unavailable for all reads as long as there is no copy, or one of another version's schema."""

    has_copies = False  # what it reads is one file

    def __init__(
        self, copies: Copies, pool: ReaderPool, looker: CopyThread, max_lag: float
    ) -> None:
        self.copies = copies
        self.position: Position | None = None
        """What was seen last: later reads see this or what is newer."""
        self._pool = pool
        self._looker = looker
        self._max_lag = max_lag
        self._seen: State | None = None
        self._looks = 0  # how often something new was seen
        self._unfit: str | None = None  # why the copy cannot be read by this version
        self._followers = Followers(lambda: self._looks)
        self._found = asyncio.Event()
        self._looked = asyncio.Event()  # set and cleared at once, for those who wait
        self._looking = asyncio.ensure_future(self._look_repeatedly())

    @classmethod
    async def open(
        cls,
        database: Path,
        *,
        readers: int = 2,
        read_seconds: float = 5.0,
        wait_seconds: float = 1.0,
        max_lag: float = 30.0,
    ) -> "ReplicaDatabase":
        """Read the copies beside this path, now or once there are any.

        One that may be older than `max_lag` seconds is not fit for credentials: see `require_new`.
        """
        copies, faults, fitness = Copies(database), Faults(database), Fitness()
        threads = [CopyThread(copies, faults, fitness) for _ in range(readers)]
        pool = ReaderPool(threads, read_seconds, wait_seconds, new_session)  # type: ignore[arg-type]
        return cls(copies, pool, CopyThread(copies, faults, fitness), max_lag)

    @property
    def lag(self) -> float | None:
        """How many seconds ago, at most, what later reads see was the newest state; None if unknown.

        All that was committed before the newest heartbeat is in the copy.
        """
        return self.lag_since(None if self.position is None else self.position.beat_at)

    def lag_since(self, beat_at: float | None) -> float | None:
        """The same of what was read since this was the position's heartbeat."""
        if beat_at is None:
            return None
        ago = time.time() - beat_at
        return ago if ago >= 0 else 0.0 if ago > -MOST_AHEAD_SECONDS else -ago

    def require_new(self) -> None:
        """Raise TooOld if the copy may be too old to check credentials in, Unavailable if there is none."""
        if self._unfit is not None:
            raise TooOld(self._unfit)
        lag = self.lag
        if lag is None:
            self.copies.current()
            raise TooOld(NO_HEARTBEAT)
        if lag > self._max_lag:
            raise TooOld(
                f"this replica's copy may be {lag:.0f} s old, and credentials are only checked in one of"
                f" {self._max_lag:g} s at most: try again later, or ask another server"
            )

    async def read(
        self,
        program: Program[T],
        security: RowSecurity = UNRESTRICTED,
        *,
        few: bool = False,
        at: At = NOW,
    ) -> T:
        async with self._pool.session(security) as session:
            return await session.run(program, last=True)

    async def read_short(
        self, program: Program[T], security: RowSecurity = UNRESTRICTED, *, at: At = NOW
    ) -> T:
        raise NeedsThread  # a connection may have to be opened first

    async def write(
        self,
        program: Program[T],
        security: RowSecurity = UNRESTRICTED,
        *,
        share: str = "",
        attribution: Attribution | None = None,
    ) -> T:
        program.close()
        raise ReadOnly(READ_ONLY)

    async def borrow(
        self, security: RowSecurity = UNRESTRICTED, *, share: str = "", at: At = NOW
    ) -> Session:
        return await self._pool.borrow(security, share)

    def give_back(self, session: Session) -> None:
        self._pool.give_back(cast(SQLiteSession, session))

    async def change_token(self, *, within: float = 0.0) -> bytes | None:
        try:
            state = self.copies.state()
        except Unavailable:
            return None
        return state.token if state.is_whole else None

    async def mark(self) -> int:
        return 0

    def follow(self, after: int) -> AsyncGenerator[int]:
        return self._followers.follow(self, after)

    def reads_long(self) -> bool:
        return True

    def reads_waiting(self) -> int:
        return self._pool.waiting

    async def pending(self) -> list[str]:
        """Nothing; raises Unavailable if there is no copy that can be read, and TooOld like `require_new`."""
        if self._looker.faults.found_damage:
            raise Damaged(DAMAGED)
        self.require_new()
        return []

    def statistics(self) -> Statistics:
        try:
            size = size_of(self.copies.current())
        except Unavailable:
            size = 0
        return Statistics(
            readers=self._pool.count,
            readers_in_use=self._pool.in_use,
            reads_waiting=self._pool.waiting,
            longest_read_wait=self._pool.longest_wait,
            reads_refused=self._pool.refused,
            writes_waiting=0,
            longest_write_wait=0.0,
            writes_refused={},
            groups={},
            bytes_on_disk=size,
            log_bytes=0,
            log_blocked_seconds=0.0,
        )

    async def arrived(self) -> None:
        """Wait until there is a copy that this version can read."""
        await self._found.wait()

    async def replaced(self, cursor_key: bytes | None) -> None:
        """Wait until the copy has another key of cursors, as after the primary was restored from a backup."""
        while self.position is None or self.position.cursor_key == cursor_key:
            await self._looked.wait()

    @property
    def reason(self) -> str | None:
        """Why this version cannot read the copy that is there."""
        return self._unfit

    async def close(self) -> None:
        self._looking.cancel()
        await asyncio.wait([self._looking])
        self._followers.close()
        await self._pool.close()
        await self._looker.close()

    async def _look_repeatedly(self) -> None:
        while True:
            try:
                await self._look()
            except (Unavailable, EngineError) as error:
                log.debug("copy not looked at", extra={"reason": str(error)})
            except Exception:  # the task must survive: the next look may succeed
                log.exception("copy not looked at")
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        state = self.copies.state()
        if state == self._seen or not state.is_whole:
            return
        session = CopySession(self._looker, LOOK_LIMIT_SECONDS, UNRESTRICTED, "")
        unfit = None
        try:
            self.position = await session.run(_position())
        except OtherVersion as error:
            unfit = str(error)
        finally:
            await session.end()
        if unfit != self._unfit:
            self._unfit = unfit
            if unfit is None:
                log.info("copy can be read")
            else:
                log.error("copy cannot be read", extra={"reason": unfit})
        if unfit is None:
            self._found.set()
        else:
            self._found.clear()
        self._seen, self._looks = state, self._looks + 1
        self._looked.set()
        self._looked.clear()


def _position() -> Program[Position]:
    beat: datetime | None = yield from heartbeat.newest()
    key = yield from cursors.stored_key()
    return Position(None if beat is None else beat.timestamp(), key)
