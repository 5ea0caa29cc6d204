"""Bounds the memory that one worker spends on bodies and messages that have not arrived whole."""

from typing import Protocol


class Holder(Protocol):
    """A body or message in memory; `held` is kept by the budget."""

    held: int

    def give_up(self) -> None:
        """Free the bytes, and refuse the rest."""


class BodyBudget:
    """The bytes that all holders may hold together.

    Beyond `total` the largest unfinished body is given up, not the newest: whoever keeps large bodies back
    shuts out nobody who sends a small one.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.held = 0
        self._unfinished: set[Holder] = set()

    def hold(self, holder: Holder, size: int) -> None:
        """Record that an unfinished body has `size` bytes now. May give up any holder, this one too."""
        self.held += size - holder.held
        holder.held = size
        self._unfinished.add(holder)
        while self.held > self.total and self._unfinished:
            largest = max(self._unfinished, key=lambda each: each.held)
            self.release(largest)
            largest.give_up()

    def finish(self, holder: Holder) -> None:
        """Count a body that is whole until it is released, but never give it up."""
        self._unfinished.discard(holder)

    def release(self, holder: Holder) -> None:
        self._unfinished.discard(holder)
        self.held -= holder.held
        holder.held = 0
