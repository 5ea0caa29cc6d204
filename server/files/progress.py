"""A progress bar: one line on a terminal, nothing elsewhere."""

import sys
import time

WIDTH = 30
SECONDS_BETWEEN = 0.1
CLEAR = "\r\x1b[K"


class Progress:
    """A line on stderr that is redrawn during the work and cleared when the context is left."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._label, self._done = "", 0
        self._total: int | None = None
        self._next = 0.0

    def stage(self, label: str, total: int | None = None) -> None:
        """Begin another part of the work; `total` is in any unit, None if it is not known."""
        self._label, self._total, self._done = label, total, 0
        self._draw()

    def advance(self, amount: int = 1) -> None:
        self._done += amount
        if self._shown and time.monotonic() >= self._next:
            self._draw()

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write(CLEAR)
            sys.stderr.flush()

    def _draw(self) -> None:
        if not self._shown:
            return
        self._next = time.monotonic() + SECONDS_BETWEEN
        share = min(self._done / self._total, 1.0) if self._total else None
        bar = "" if share is None else f" [{'#' * round(share * WIDTH):{WIDTH}}] {share:4.0%}"
        sys.stderr.write(f"{CLEAR}{self._label}{bar}")
        sys.stderr.flush()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
