"""A session on an engine over HTTP: each batch has a snapshot of its own; it notes whether they differ."""

import time
from contextlib import suppress
from typing import TypeVar

from db.consistency import At
from db.errors import ReadTimeout, Unavailable
from db.program import Program, Rows
from db.remote import programs, statements
from db.remote.programs import Returned, Threads
from db.remote.reading import Reading
from db.remote.transport import Bound
from db.security.row_security import RowSecurity

T = TypeVar("T")


class RemoteSession:
    def __init__(
        self,
        reading: Reading,
        threads: Threads,
        seconds: float,
        security: RowSecurity,
        share: str,
        at: At,
    ) -> None:
        self.share = share
        self.is_short = self.is_torn = self.is_given_back = False
        self._reading = reading
        self._threads = threads
        self._seconds = self._left = seconds
        self._security = security
        self._at = at
        self._token: bytes | None = None
        self._failed: Unavailable | None = None  # what the last of its time was lost to

    async def run(self, program: Program[T], *, last: bool = False) -> T:
        """See Session.run; raises EngineLimit if a statement is too much for the engine."""
        step = programs.begun(program)
        try:
            while not isinstance(step, Returned):
                rows = await self._read(statements.to_read(step, self._security))
                step = await self._threads.send(program, statements.without_needless(step, rows))
        finally:
            # Where nobody waits for it any more, it may be on its thread still, and ends there.
            with suppress(ValueError):
                program.close()
        result: T = step.result
        return result

    async def _read(self, batch: list[Bound]) -> list[Rows]:
        if self.is_given_back:
            raise Unavailable("the read was stopped: try again")
        if self._left <= 0 and self._failed is not None:
            raise type(self._failed)(*self._failed.args)
        if self._left <= 0:
            raise ReadTimeout(f"reading took longer than {self._seconds:g} s: ask for less at once")
        started = time.monotonic()
        try:
            state, rows = await self._reading.read(batch, self._at, self._left)
        except Unavailable as error:
            self._failed = error
            raise
        finally:
            self._left -= time.monotonic() - started
        self.is_torn = self.is_torn or self._token not in {None, state.token}
        self._token = state.token
        return rows

    def stop(self) -> None:
        self.is_given_back = True
