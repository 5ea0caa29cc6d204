"""How long the phases of a request took, for the `Server-Timing` header and for spans."""

import time
from collections.abc import Iterable

PREFERENCE = b"server-timing"
"""The preference in a `Prefer` header (RFC 7240) that requests `Server-Timing`."""


class ServerTiming:
    """The phases of one request, each starting where the previous one ended; in nanoseconds."""

    def __init__(self) -> None:
        self.started_at = time.time_ns()
        self._start = self._last = time.perf_counter_ns()
        self.phases: list[tuple[str, int, int]] = []
        """Name, start and end of each, relative to `started_at`."""

    def end_phase(self, name: str) -> None:
        now = time.perf_counter_ns()
        self.phases.append((name, self._last - self._start, now - self._start))
        self._last = now

    def header(self, **facts: object) -> bytes:
        """The value of `Server-Timing` (W3C): milliseconds of each phase, and in total until now.

        The facts that are known follow as descriptions.
        """
        total = time.perf_counter_ns() - self._start
        durations = [(name, end - start) for name, start, end in self.phases]
        metrics = [
            f"{name};dur={duration / 1e6:.3f}" for name, duration in (*durations, ("total", total))
        ]
        metrics += [f"{name};desc={fact}" for name, fact in facts.items() if fact is not None]
        return ", ".join(metrics).encode()


def is_requested(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(
        preference.partition(b";")[0].strip().lower() == PREFERENCE
        for name, value in headers
        if name == b"prefer"
        for preference in value.split(b",")
    )
