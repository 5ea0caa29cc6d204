"""What a move tells of its progress."""

from typing import Protocol


class Stages(Protocol):
    """An exception in either method ends the move, which can be gone on with."""

    def stage(self, label: str, total: int | None = None) -> None:
        """A part of the work begins that is about so many rows."""
        ...

    def advance(self, amount: int = 1) -> None:
        """So many rows are done since."""
        ...
