"""Dataloaders that batch by level: all loads that one level of an operation requests run together.

A batch runs once no task can add to it, and all its results arrive at once, cached ones too. So the number of
batches depends on the operation's shape alone: not on timing, nor on which rows share a parent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Any, Generic, TypeAlias, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# A batch is complete after this many turns of the event loop without a new request.
IDLE_TURNS = 3


class DataLoader(Generic[K, V]):
    """Loads and caches values by key; `load` takes all uncached keys of a batch in one call."""

    def __init__(
        self, scheduler: "BatchScheduler", load: Callable[[list[K]], Awaitable[list[V]]]
    ) -> None:
        self._scheduler = scheduler
        self._load = load
        self._cache: dict[K, V] = {}

    def load(self, key: K) -> "asyncio.Future[V]":
        """Request a key with the next batch; the future raises what loading raised."""
        return self._scheduler.request(self, key)

    async def fetch(self, keys: Iterable[K]) -> None:
        missing = [key for key in keys if key not in self._cache]
        if missing:
            self._cache.update(zip(missing, await self._load(missing), strict=True))

    def cached(self, key: K) -> V:
        return self._cache[key]


Requests: TypeAlias = dict[DataLoader[Any, Any], list[tuple[Hashable, "asyncio.Future[Any]"]]]


class BatchScheduler:
    def __init__(self) -> None:
        self._requested: Requests = {}
        self._batch: Requests = {}
        self._count = 0
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def request(self, loader: DataLoader[K, V], key: K) -> "asyncio.Future[V]":
        """Request a key with the next batch; cancelling the future affects no other request."""
        future: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        if self._stopped:  # graphql-core lets fields run on after a sibling has failed
            future.cancel()
            return future
        self._requested.setdefault(loader, []).append((key, future))
        self._count += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return future

    def stop(self) -> None:
        """Cancel all requests, those to come as well."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
        for requests in (*self._batch.values(), *self._requested.values()):
            for _, future in requests:
                future.cancel()

    async def _run(self) -> None:
        try:
            while self._requested:
                await self._wait_until_idle()
                self._batch, self._requested = self._requested, {}
                await _dispatch(self._batch)
        finally:
            self._task = None

    async def _wait_until_idle(self) -> None:
        count = -1
        while count != self._count:
            count = self._count
            for _ in range(IDLE_TURNS):
                await asyncio.sleep(0)


async def _dispatch(batch: Requests) -> None:
    pending = {
        loader: waiting
        for loader, requests in batch.items()
        if (waiting := [(key, future) for key, future in requests if not future.done()])
    }
    fetched = await asyncio.gather(
        *(
            loader.fetch(dict.fromkeys(key for key, _ in requests))
            for loader, requests in pending.items()
        ),
        return_exceptions=True,
    )
    for (loader, requests), failure in zip(pending.items(), fetched, strict=True):
        for key, future in requests:
            if future.done():
                continue
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(loader.cached(key))
