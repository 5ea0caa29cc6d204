"""How long the parts of a request took, for those who ask: `Server-Timing`, and the spans of a trace."""

import time
from collections.abc import Iterable

ASKING = b"server-timing"
"""The preference of a `Prefer` header (RFC 7240) that asks for `Server-Timing`."""


class Phases:
    """The phases of one request, each from the end of the one before; in nanoseconds."""

    def __init__(self) -> None:
        self.started = time.time_ns()
        self._began = self._last = time.perf_counter_ns()
        self.ended: list[tuple[str, int, int]] = []
        """Name, beginning and end of each, as counted from `started`."""

    def end(self, name: str) -> None:
        """Note that a phase of this name ended now."""
        now = time.perf_counter_ns()
        self.ended.append((name, self._last - self._began, now - self._began))
        self._last = now

    def header(self) -> bytes:
        """The value of `Server-Timing` (W3C): milliseconds of each phase, and of all until now."""
        total = time.perf_counter_ns() - self._began
        measured = [(name, end - begin) for name, begin, end in self.ended]
        return ", ".join(
            f"{name};dur={taken / 1e6:.3f}" for name, taken in (*measured, ("total", total))
        ).encode()


def are_asked(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request prefers to be told its timing."""
    return any(
        preference.partition(b";")[0].strip().lower() == ASKING
        for name, value in headers
        if name == b"prefer"
        for preference in value.split(b",")
    )
