"""Loads in waves: what one level of an operation asks for is fetched together, each thing once.

A wave sets out when nobody who could run asks for anything more, and all its answers arrive at once,
also those that were remembered. The fields of one level so stay level with each other, and how many
loads an operation takes follows from its shape: not from timing, nor from what rows have in common.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# So many turns of the event loop without a new question mean that there is none.
TURNS = 3


class DataLoader(Generic[K, V]):
    """Loads values by key, and remembers them: `load` takes the missing keys of a wave at once."""

    def __init__(self, waves: "Waves", load: Callable[[list[K]], Awaitable[list[V]]]) -> None:
        self._waves = waves
        self._load = load
        self._known: dict[K, V] = {}

    def load(self, key: K) -> "asyncio.Future[V]":
        """The value of a key, with the next wave; raises what loading it raised."""
        return self._waves.ask(self, key)

    async def fetch(self, keys: Iterable[K]) -> None:
        """Load what is not known yet."""
        missing = [key for key in keys if key not in self._known]
        if missing:
            self._known.update(zip(missing, await self._load(missing), strict=True))

    def answer(self, key: K) -> V:
        """The value of a key that was fetched."""
        return self._known[key]


Asked = tuple[Hashable, "asyncio.Future[Any]"]


class Waves:
    """The waves of one operation; all its loaders share them."""

    def __init__(self) -> None:
        self._asked: dict[DataLoader[Any, Any], list[Asked]] = {}
        self._wave: dict[DataLoader[Any, Any], list[Asked]] = {}
        self._questions = 0
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def ask(self, loader: DataLoader[K, V], key: K) -> "asyncio.Future[V]":
        """Have a key loaded with the next wave. Whoever stops waiting leaves the others be."""
        future: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        if self._stopped:  # graphql-core lets fields run on when one beside them has failed
            future.cancel()
            return future
        self._asked.setdefault(loader, []).append((key, future))
        self._questions += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return future

    def stop(self) -> None:
        """Load nothing more, whoever asks: nobody waits."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
        for asked in (*self._wave.values(), *self._asked.values()):
            for _, future in asked:
                future.cancel()

    async def _run(self) -> None:
        try:
            while self._asked:
                await self._all_have_asked()
                self._wave, self._asked = self._asked, {}
                await _carry_out(self._wave)
        finally:
            self._task = None

    async def _all_have_asked(self) -> None:
        questions = -1
        while questions != self._questions:
            questions = self._questions
            for _ in range(TURNS):
                await asyncio.sleep(0)


async def _carry_out(wave: dict[DataLoader[Any, Any], list[Asked]]) -> None:
    waited_for = {
        loader: still
        for loader, asked in wave.items()
        if (still := [(key, future) for key, future in asked if not future.done()])
    }
    fetched = await asyncio.gather(
        *(
            loader.fetch(dict.fromkeys(key for key, _ in asked))
            for loader, asked in waited_for.items()
        ),
        return_exceptions=True,
    )
    for (loader, asked), failure in zip(waited_for.items(), fetched, strict=True):
        for key, future in asked:
            if future.done():
                continue
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(loader.answer(key))
