"""How new a read must be. An engine with one copy of the data always reads the newest state."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """What a read of an engine with several copies sees."""

    NONE = "none"
    """What the nearest copy holds, which may be old, also while the cluster has no leader."""
    WEAK = "weak"
    """What the leader holds: every acknowledged write, except just after another one was elected."""
    STRONG = "strong"
    """Every write that was acknowledged before the read began."""


@dataclass(frozen=True, slots=True)
class At:
    """The state that a read wants, or a newer one.

    `freshness`, in seconds, bounds the age of what a read at NONE sees; `mark` is what Database.mark gave
    after a write that the read has to see.
    """

    level: Level = Level.WEAK
    freshness: float | None = None
    mark: int = 0


NOW = At()
