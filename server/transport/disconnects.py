"""Cancels the work for a client that has disconnected."""

import asyncio
from types import TracebackType

from starlette.types import Receive

WATCH_AFTER_SECONDS = 0.02  # most responses are ready before watching would pay


class ClientDisconnected(Exception):
    """Raised in place of a result that no client waits for."""


class cancel_on_disconnect:  # noqa: N801 - used as a statement: with cancel_on_disconnect(receive)
    """Cancels what runs inside when the client disconnects, and raises ClientDisconnected."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive  # whose body has been read to the end
        self._watcher: asyncio.Task[None] | None = None
        self._disconnected = False

    def __enter__(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._timer = self._loop.call_later(WATCH_AFTER_SECONDS, self._start_watching)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if isinstance(error, asyncio.CancelledError):
            task = self._task
            if self._disconnected and task is not None and not task.uncancel():
                raise ClientDisconnected from None

    def _start_watching(self) -> None:
        self._watcher = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":  # noqa: ASYNC110
            # Some servers return at once, again and again; only a message ends this, not an event.
            await asyncio.sleep(WATCH_AFTER_SECONDS)
        self._disconnected = True
        if self._task is not None:
            self._task.cancel()
