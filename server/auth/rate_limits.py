"""Leaky buckets: so much a minute for each of many, in memory that does not grow with how many ask."""

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from cachetools import LRUCache

MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Room:
    """What is left of an allowance of so much a minute, and seconds until enough has leaked."""

    per_minute: float
    left: float
    wait_seconds: float

    @property
    def is_enough(self) -> bool:
        """Whether what was asked for fits."""
        return self.wait_seconds <= 0

    @property
    def told(self) -> dict[str, float | int | None]:
        """The allowance as `extensions.throttle` tells of it; null is any number."""
        if not self.per_minute:
            return {"perMinute": None, "left": None, "retryAfterSeconds": 0}
        return {
            "perMinute": int(self.per_minute),
            "left": max(0, int(self.left)),
            "retryAfterSeconds": max(0, math.ceil(self.wait_seconds)),
        }


class Buckets:
    """A bucket of `per_minute` points for each key, which leaks evenly; 0 holds nobody back.

    Whoever has not been seen for longest is forgotten where there are too many: its bucket is then
    empty again, as it is after a minute anyway. `clock` gives seconds that never run back.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._levels: LRUCache[Hashable, tuple[float, float]] = LRUCache(MOST_KEPT)

    def room(self, key: Hashable, points: float) -> Room:
        """Whether so many points fit now; none are taken.

        A request larger than the bucket is admitted when the bucket is empty; MAX_COST bounds it.
        """
        return self._room(key, points, self._clock()) if self.per_minute else Room(0, 0, 0)

    def take(self, key: Hashable, points: float) -> Room:
        """Take so many points if they fit, as `room` has it; what is left then."""
        if not self.per_minute:
            return Room(0, 0, 0)
        now = self._clock()
        found = self._room(key, points, now)
        if not found.is_enough:
            return found
        left = found.left - points
        self._levels[key] = self.per_minute - left, now
        return Room(self.per_minute, left, 0)

    def _room(self, key: Hashable, points: float, now: float) -> Room:
        level, at = self._levels.get(key) or (0.0, 0.0)
        level = max(0.0, level - (now - at) * self.per_minute / 60)
        over = level + min(points, self.per_minute) - self.per_minute
        return Room(self.per_minute, self.per_minute - level, over * 60 / self.per_minute)
