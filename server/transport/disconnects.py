"""Cancels the work for a client that has disconnected."""

import asyncio
from types import TracebackType

from starlette.types import Receive

WATCH_AFTER_SECONDS = 0.02  # most responses are ready before watching would pay


class ClientDisconnected(Exception):
    """Raised in place of a result that no client waits for."""


class DisconnectWatches:
    """The watches of one worker: of work that is not done after WATCH_AFTER_SECONDS, or up to twice as many.

    They share one timer: one for each request took a fiftieth of a small one (W1).
    """

    def __init__(self) -> None:
        self.new: set[cancel_on_disconnect] = set()  # since the timer's last time
        self.older: set[cancel_on_disconnect] = set()
        self.timer: asyncio.TimerHandle | None = None

    def set_timer(self) -> None:
        loop = asyncio.get_running_loop()
        self.timer = loop.call_later(WATCH_AFTER_SECONDS, self._start_older)

    def _start_older(self) -> None:
        for watch in self.older:
            watch.start()
        self.older, self.new = self.new, set()
        self.timer = None
        if self.older:
            self.set_timer()


class cancel_on_disconnect:  # noqa: N801 - used as a statement: with cancel_on_disconnect(...)
    """Cancels what runs inside when the client disconnects, and raises ClientDisconnected."""

    def __init__(self, receive: Receive, watches: DisconnectWatches) -> None:
        self._receive = receive  # whose body has been read to the end
        self._watches = watches
        self._watcher: asyncio.Task[None] | None = None
        self._disconnected = False

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._watches.new.add(self)
        if self._watches.timer is None:
            self._watches.set_timer()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._watches.new.discard(self)
        self._watches.older.discard(self)
        if self._watcher is not None:
            self._watcher.cancel()
        if isinstance(error, asyncio.CancelledError):
            task = self._task
            if self._disconnected and task is not None and not task.uncancel():
                raise ClientDisconnected from None

    def start(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":  # noqa: ASYNC110
            # Some servers return at once, again and again; only a message ends this, not an event.
            await asyncio.sleep(WATCH_AFTER_SECONDS)
        self._disconnected = True
        if self._task is not None:
            self._task.cancel()
