"""Clients that go away: what is being read for them stops.

Most requests are answered before a look would pay, so that looking begins after a while only.
"""

import asyncio
from types import TracebackType

from starlette.types import Receive

LOOK_AFTER_SECONDS = 0.02


class ClientGone(Exception):
    """Raised when nobody waits for the answer any more."""


class stopping_when_gone:  # noqa: N801 - read as a statement: with stopping_when_gone(receive)
    """Cancels what runs inside when the client disconnects, and raises ClientGone then.

    `receive` is the request's own, its body read to the end.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._watching: asyncio.Task[None] | None = None
        self._gone = False

    def __enter__(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._timer = self._loop.call_later(LOOK_AFTER_SECONDS, self._look)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        if isinstance(error, asyncio.CancelledError):
            task = self._task
            if self._gone and task is not None and not task.uncancel():
                raise ClientGone from None

    def _look(self) -> None:
        self._watching = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":  # noqa: ASYNC110
            # Some servers answer at once, again and again; what ends this is a message, not an event.
            await asyncio.sleep(LOOK_AFTER_SECONDS)
        self._gone = True
        if self._task is not None:
            self._task.cancel()
