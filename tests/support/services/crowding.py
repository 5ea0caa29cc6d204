"""Overload, as those meet it who come too late."""

from collections.abc import Iterator
from contextlib import contextmanager

from server.http.turns import Lane


@contextmanager
def crowded(lane: Lane, share: str = "127.0.0.1") -> Iterator[None]:
    """Other requests of this share have all turns, and as many wait as may."""
    held = []
    lane.is_backlogged = lambda: True  # so that no more of them begin
    while not (turn := lane.arrive(None, (), share)).is_refused:
        held.append(turn)
    try:
        yield
    finally:
        for turn in reversed(held):
            turn.end()
