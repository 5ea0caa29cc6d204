"""A queue for what all clients share: shares take turns, and within a share the first comes first.

A share is an actor, or the address of a client.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar


class Waiting(Protocol):
    """What a queue holds: whose it is, and since when it waits, in seconds of any one clock."""

    @property
    def share(self) -> str: ...

    @property
    def since(self) -> float: ...


@dataclass(eq=False, slots=True)
class Waiter:
    """`future` gets what it waits for, or the error that ends the wait."""

    share: str
    future: asyncio.Future[Any] = field(
        kw_only=True, default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    since: float = field(kw_only=True, default_factory=time.monotonic)


W = TypeVar("W", bound=Waiting)


class FairQueue(Generic[W]):
    def __init__(self, most: int) -> None:
        self._most = most
        self._by_share: dict[str, deque[W]] = {}  # the first share is the next to have a turn
        self.count = 0

    def add(self, waiter: W) -> W | None:
        """Queue one more; return the one that a full queue drops for it: the last of the largest share."""
        self._by_share.setdefault(waiter.share, deque()).append(waiter)
        self.count += 1
        if self.count <= self._most:
            return None
        # The newcomer's share is the last one, so it loses a tie: nobody who waits makes room for an equal.
        largest = max(reversed(self._by_share.values()), key=len)
        dropped = largest[-1]
        self.remove(dropped)
        return dropped

    def remove(self, waiter: W) -> None:
        """Take one out, wherever it stands; it may have left already."""
        waiting = self._by_share.get(waiter.share, deque())
        with suppress(ValueError):
            waiting.remove(waiter)
            self._leave(waiter.share, waiting)

    def next(self, may_have: Callable[[str], bool] | None = None) -> W | None:
        """Take out the first of the next share that may have a turn; the share goes last."""
        for share, waiting in self._by_share.items():
            if may_have is None or may_have(share):
                self.count -= 1
                del self._by_share[share]
                if len(waiting) > 1:
                    self._by_share[share] = waiting
                return waiting.popleft()
        return None

    def remove_since(self, moment: float) -> list[W]:
        """Take out those who wait since this moment or longer."""
        late = []
        shares = [share for share, each in self._by_share.items() if each[0].since <= moment]
        for share in shares:
            waiting = self._by_share[share]
            while waiting and waiting[0].since <= moment:
                late.append(waiting.popleft())
                self._leave(share, waiting)
        return late

    def count_of(self, share: str) -> int:
        return len(self._by_share.get(share, ()))

    @property
    def shares(self) -> int:
        """How many shares wait."""
        return len(self._by_share)

    def has_others(self, share: str) -> bool:
        return len(self._by_share) > (share in self._by_share)

    def clear(self) -> list[W]:
        waiters = [waiter for waiting in self._by_share.values() for waiter in waiting]
        self._by_share.clear()
        self.count = 0
        return waiters

    @property
    def longest_wait(self) -> float:
        """Seconds that the one who waits longest has waited."""
        firsts = [waiting[0].since for waiting in self._by_share.values()]
        return time.monotonic() - min(firsts) if firsts else 0.0

    def _leave(self, share: str, waiting: deque[W]) -> None:
        self.count -= 1
        if not waiting:
            del self._by_share[share]
