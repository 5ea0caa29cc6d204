"""Starts what delivers outgoing webhooks, and stops it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from db.database import Database
from server.settings import Settings
from server.webhooks_out.attempts import Answer
from server.webhooks_out.dispatcher import Dispatcher
from server.webhooks_out.feed import Feed

if TYPE_CHECKING:
    from server.webhooks_out.sender import Sender


class _LazySender:
    """Loads the HTTP client with the first message, as it takes 0.1 s and few servers need it."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._sender: Sender | None = None
        self._loading = asyncio.Lock()

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        async with self._loading:
            if self._sender is None:
                self._sender = await asyncio.to_thread(self._load)
        return await self._sender.send(url, headers, body)

    def _load(self) -> "Sender":
        from server.webhooks_out.sender import Sender

        return Sender(allow_private=self._allow_private)

    async def close(self) -> None:
        if self._sender is not None:
            await self._sender.close()


@asynccontextmanager
async def open_dispatcher(
    settings: Settings, db: Database, feed: Feed
) -> AsyncIterator[Dispatcher | None]:
    """Deliver while inside; None if the settings say that this server does not."""
    if not settings.webhooks_out:
        yield None
        return
    sender = _LazySender(allow_private=settings.private_webhook_targets)
    dispatcher = Dispatcher(db, feed, sender)
    try:
        async with dispatcher.running():
            yield dispatcher
    finally:
        await sender.close()
