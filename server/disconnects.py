"""Clients that go away: what is being read for them stops.

Most requests are answered before a look would pay, so that looking begins after a while only.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

LOOK_AFTER_SECONDS = 0.02


class ClientGone(Exception):
    """Raised when nobody waits for the answer any more."""


@asynccontextmanager
async def stopping_when_gone(receive: Receive) -> AsyncIterator[None]:
    """Cancel what runs inside when the client disconnects; raises ClientGone then.

    `receive` is the request's own, its body read to the end.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    watching: list[asyncio.Task[None]] = []
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":  # noqa: ASYNC110
            # Some servers answer at once, again and again; what ends this is a message, not an event.
            await asyncio.sleep(LOOK_AFTER_SECONDS)
        gone = True
        if task is not None:
            task.cancel()

    timer = loop.call_later(LOOK_AFTER_SECONDS, lambda: watching.append(loop.create_task(watch())))
    try:
        yield
    except asyncio.CancelledError:
        if gone and task is not None and not task.uncancel():
            raise ClientGone from None
        raise
    finally:
        timer.cancel()
        for watcher in watching:
            watcher.cancel()
