"""Rate limits: a leaky bucket for each key, in memory of a fixed size."""

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from cachetools import LRUCache

# The most recently used ones. After a minute without use, a bucket is empty anyway.
BUCKETS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a bucket has left, and how long until the requested points fit; `per_minute` 0 is unlimited."""

    per_minute: float
    left: float
    wait_seconds: float

    @property
    def suffices(self) -> bool:
        return self.wait_seconds <= 0

    @property
    def extension(self) -> dict[str, float | int | None]:
        """The allowance as clients get it in `extensions.throttle`; null is unlimited."""
        if not self.per_minute:
            return {"perMinute": None, "left": None, "retryAfterSeconds": 0}
        return {
            "perMinute": int(self.per_minute),
            "left": max(0, int(self.left)),
            "retryAfterSeconds": max(0, math.ceil(self.wait_seconds)),
        }


UNLIMITED = Allowance(0, 0, 0)


class RateLimiter:
    """A bucket of `per_minute` points (0: unlimited) per key, which leaks evenly. `clock` is monotonic."""

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._levels: LRUCache[Hashable, tuple[float, float]] = LRUCache(BUCKETS_KEPT)

    def check(self, key: Hashable, points: float) -> Allowance:
        """Whether `points` fit now; takes none."""
        return self._allowance(key, points, self._clock()) if self.per_minute else UNLIMITED

    def take(self, key: Hashable, points: float) -> Allowance:
        """Take `points` if they fit; returns what is left then."""
        if not self.per_minute:
            return UNLIMITED
        now = self._clock()
        allowance = self._allowance(key, points, now)
        if not allowance.suffices:
            return allowance
        left = allowance.left - points
        self._levels[key] = self.per_minute - left, now
        return Allowance(self.per_minute, left, 0)

    def _allowance(self, key: Hashable, points: float, now: float) -> Allowance:
        level, updated_at = self._levels.get(key) or (0.0, 0.0)
        level = max(0.0, level - (now - updated_at) * self.per_minute / 60)
        # More points than a bucket holds fit when it is empty; MAX_COST bounds how many those are.
        excess = level + min(points, self.per_minute) - self.per_minute
        return Allowance(self.per_minute, self.per_minute - level, excess * 60 / self.per_minute)
