"""Randomness that depends on a seed and on nothing else."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance(random.Random):
    """The choices of one operation: the same ones for the same seed and number."""

    def __init__(self, seed: int, number: int) -> None:
        super().__init__(f"{seed}:{number}")

    def yes(self, probability: float) -> bool:
        """Whether it happens."""
        return self.random() < probability

    def pick(self, values: Sequence[T]) -> T:
        """One of them."""
        return self.choice(values)

    def some(self, values: Sequence[T], most: int) -> list[T]:
        """One or more of them, each once."""
        return self.sample(values, self.randint(1, min(most, len(values))))
