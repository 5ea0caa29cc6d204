"""Reads batches: at the wanted state or a newer one, and with the state that each batch has seen."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from db.consistency import At, Level
from db.errors import Overloaded, ReadTimeout, Unavailable
from db.program import Rows
from db.remote.applied_writes import STATE, State
from db.remote.transport import Bound, Transport

STRICTER = {Level.NONE: Level.WEAK, Level.WEAK: Level.STRONG}
_STATE = Bound(STATE, {})


class Reading:
    """`seen` is called with each state that the leader has told of, and when it was asked."""

    def __init__(self, transport: Transport, seen: Callable[[State, float], None]) -> None:
        self._transport = transport
        self._seen = seen
        self._asking: asyncio.Future[State] | None = None

    async def read(
        self, batch: Sequence[Bound], at: At, seconds: float
    ) -> tuple[State, list[Rows]]:
        """The state that the batch has seen, and the rows of each statement; raises like Transport.send."""
        deadline = time.monotonic() + seconds
        while True:
            asked = time.monotonic()
            state_rows, *rows = await self._send([_STATE, *batch], at, deadline)
            state = State.of(state_rows)
            if at.level is not Level.NONE:
                self._seen(state, asked)
            # After a STRONG read there is none newer: the mark is of a database that was replaced.
            if state.number >= at.mark or at.level is Level.STRONG:
                return state, rows
            at = replace(at, level=STRICTER[at.level], freshness=None)

    async def _send(self, batch: Sequence[Bound], at: At, deadline: float) -> list[Rows]:
        seconds = deadline - time.monotonic()
        try:
            return await self._transport.send(batch, write=False, at=at, seconds=seconds)
        except (Overloaded, ReadTimeout):
            raise
        except Unavailable:
            left = deadline - time.monotonic()
            if left < seconds / 2:
                raise
            # A connection that was kept may have ended just then.
            return await self._transport.send(batch, write=False, at=at, seconds=left)

    async def state(self, at: At, seconds: float) -> State:
        state, _ = await self.read([], at, seconds)
        return state

    async def shared_state(self, seconds: float) -> State:
        """The leader's state as of the call or later, or a moment earlier if others have just asked."""
        if self._asking is None:
            self._asking = asyncio.ensure_future(self.state(At(), seconds))
            self._asking.add_done_callback(self._has_asked)
        return await asyncio.shield(self._asking)

    def _has_asked(self, asking: "asyncio.Future[State]") -> None:
        self._asking = None
        if not asking.cancelled():
            asking.exception()  # whoever still waits raises it
