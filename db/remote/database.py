"""The Database of an engine over HTTP: one request for each batch of a Program."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar, cast

from db import newer_version
from db.attribution import Attribution
from db.consistency import NOW, At, Level
from db.database import Session, Statistics
from db.errors import EngineError, EngineLimit, Unavailable
from db.program import Program
from db.remote.applied_writes import State
from db.remote.followers import Followers
from db.remote.programs import Threads
from db.remote.reading import Reading
from db.remote.session import RemoteSession
from db.remote.transport import Transport
from db.remote.turns import MOST_AT_ONCE, Turns
from db.remote.writer import RemoteWriter
from db.security.row_security import UNRESTRICTED, RowSecurity

T = TypeVar("T")

STATUS_SECONDS = 60.0  # how often the size of the database is asked for, at most
SHUTTING_DOWN = "the server is shutting down: try again"

log = logging.getLogger(__name__)


async def _none_pending(_: "RemoteDatabase") -> list[str]:
    return []


class RemoteDatabase:
    """`pending` names the migrations that the database lacks; `newest` is as for newer_version."""

    has_copies = True

    def __init__(
        self,
        transport: Transport,
        *,
        read_seconds: float = 5.0,
        wait_seconds: float = 1.0,
        newest: str = newer_version.ANY,
        pending: "Callable[[RemoteDatabase], Awaitable[list[str]]]" = _none_pending,
    ) -> None:
        self.transport = transport
        self._read_seconds = read_seconds
        self._pending = pending
        self._turns = Turns(wait_seconds)
        self._reading = Reading(transport, self._has_seen)
        self._threads = Threads()
        self._writer = RemoteWriter(
            transport, self._has_written, wait_seconds=wait_seconds, newest=newest
        )
        self._followers = Followers(self._newest)
        self._state = State(0, 0, 0)
        self._state_at = -math.inf  # when the state was asked for, unless a write has come since
        self._mark = 0
        self._bytes = 0
        self._asked_status_at = -math.inf
        self._asking_status: asyncio.Task[None] | None = None
        self._closed = False

    async def read(
        self,
        program: Program[T],
        security: RowSecurity = UNRESTRICTED,
        *,
        few: bool = False,
        at: At = NOW,
    ) -> T:
        if self._closed:
            raise Unavailable(SHUTTING_DOWN)
        return await self._session(security, "", at).run(program)

    async def read_short(
        self, program: Program[T], security: RowSecurity = UNRESTRICTED, *, at: At = NOW
    ) -> T:
        return await self.read(program, security, at=at)

    async def write(
        self,
        program: Program[T],
        security: RowSecurity = UNRESTRICTED,
        *,
        share: str = "",
        attribution: Attribution | None = None,
    ) -> T:
        return await self._writer.write(program, security, share, attribution)

    async def borrow(
        self, security: RowSecurity = UNRESTRICTED, *, share: str = "", at: At = NOW
    ) -> Session:
        if self._closed:
            raise Unavailable(SHUTTING_DOWN)
        await self._turns.take(share)
        return self._session(security, share, at)

    def _session(self, security: RowSecurity, share: str, at: At) -> RemoteSession:
        return RemoteSession(self._reading, self._threads, self._read_seconds, security, share, at)

    def give_back(self, session: Session) -> None:
        mine = cast(RemoteSession, session)  # only this database's own come back
        if not mine.is_given_back:
            mine.stop()
            self._turns.give_back()

    async def change_token(self, *, within: float = 0.0) -> bytes | None:
        if time.monotonic() - self._state_at <= within:
            return self._state.token
        try:
            if within > 0:
                return (await self._reading.shared_state(self._read_seconds)).token
            return (await self._reading.state(NOW, self._read_seconds)).token
        except (EngineError, EngineLimit):
            return None

    async def mark(self) -> int:
        return self._mark

    def follow(self, after: int) -> AsyncGenerator[int]:
        return self._followers.follow(after)

    def reads_long(self) -> bool:
        return True  # nothing is read without a request

    def reads_waiting(self) -> int:
        return self._turns.waiting

    async def pending(self) -> list[str]:
        return await self._pending(self)

    def statistics(self) -> Statistics:
        self._ask_status()
        return Statistics(
            readers=MOST_AT_ONCE,
            readers_in_use=self._turns.taken,
            reads_waiting=self._turns.waiting,
            longest_read_wait=self._turns.longest_wait,
            reads_refused=self._turns.refused,
            writes_waiting=self._writer.waiting,
            longest_write_wait=self._writer.longest_wait,
            writes_refused=self._writer.refused,
            groups=self._writer.groups,
            bytes_on_disk=self._bytes,
            log_bytes=0,
            log_blocked_seconds=0.0,
        )

    async def close(self) -> None:
        self._closed = True
        self._followers.close()
        await self._threads.close()
        if self._asking_status is not None:
            self._asking_status.cancel()
            await asyncio.wait([self._asking_status])
        try:
            await self._writer.close()
        finally:
            await self.transport.close()

    async def _newest(self) -> int:
        state = await self._reading.state(At(Level.NONE), self._read_seconds)
        return state.newest

    def _has_seen(self, state: State, asked: float) -> None:
        """What a read at the leader has seen that was asked at this moment."""
        if asked >= self._state_at and state.number >= self._mark:
            self._state, self._state_at = state, asked

    def _has_written(self, state: State, _: float) -> None:
        self._mark = max(self._mark, state.number)
        # Others may have written before it was answered, but none of them to this process's knowledge.
        self._state_at = -math.inf
        self._followers.tell(state.newest)

    def _ask_status(self) -> None:
        now = time.monotonic()
        if not self._closed and now - self._asked_status_at >= STATUS_SECONDS:
            self._asked_status_at = now
            self._asking_status = asyncio.ensure_future(self._read_status())

    async def _read_status(self) -> None:
        try:
            self._bytes = (await self.transport.status(self._read_seconds)).bytes_on_disk
        except (EngineError, Unavailable) as error:
            log.warning("size of the database not read", extra={"reason": str(error)})
