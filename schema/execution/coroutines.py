"""The coroutines of one generic execution, of which those that nobody awaits are closed after it.

A field that fails or a request that ends gives up the fields beside it, some of which have not begun. Python
warns on stderr of each coroutine that is never awaited.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from inspect import CORO_CLOSED, CORO_CREATED, getcoroutinestate
from types import CoroutineType
from typing import Any, TypeGuard

# Tasks that are given up begin within a turn of the event loop, and may give up others in their turn.
TURNS = 2
MOST_KEPT = 10_000


class Coroutines:
    """Keeps every coroutine that an execution meets, so that none is destroyed before it is closed."""

    def __init__(self) -> None:
        self._kept: list[Coroutine[Any, Any, Any]] = []
        self._most = MOST_KEPT

    def is_awaitable(self, value: Any) -> TypeGuard[Awaitable[Any]]:
        """What graphql-core asks of each value of a field; coroutines are kept."""
        if isinstance(value, CoroutineType):
            if len(self._kept) >= self._most:
                self._drop_finished()
            self._kept.append(value)
            return True
        return hasattr(value, "__await__")

    def close_later(self) -> None:
        """Close those that have not begun once the tasks of the execution have had their turns."""
        self._drop_finished()
        if self._kept:
            _close(asyncio.get_running_loop(), self, set(), TURNS)

    def close_if_still_new(self, new_before: set[int]) -> set[int]:
        """Close those among `new_before` that have not begun; returns which have not begun otherwise."""
        new = set()
        for coroutine in self._kept:
            if getcoroutinestate(coroutine) == CORO_CREATED:
                if id(coroutine) in new_before:
                    coroutine.close()
                else:
                    new.add(id(coroutine))
        return new

    def _drop_finished(self) -> None:
        self._kept = [each for each in self._kept if getcoroutinestate(each) != CORO_CLOSED]
        self._most = max(MOST_KEPT, 2 * len(self._kept))


def _close(
    loop: asyncio.AbstractEventLoop, coroutines: Coroutines, new_before: set[int], turns: int
) -> None:
    new = coroutines.close_if_still_new(new_before)
    if turns > 0:
        loop.call_soon(_close, loop, coroutines, new, turns - 1)
