"""SIGHUP: a request to reload, or the end of the terminal that the server runs in."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNAL = signal.SIGHUP
_STANDARD_STREAMS = range(3)


class HangUp:
    """Remembers that SIGHUP came, until it is taken. Once the terminal is gone, it means SIGTERM."""

    def __init__(self) -> None:
        self._is_pending = False
        self._terminal = next(filter(os.isatty, _STANDARD_STREAMS), None)

    def take(self) -> bool:
        """Whether SIGHUP came since the last call."""
        was_pending, self._is_pending = self._is_pending, False
        return was_pending

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signal inside, also if it came while it was postponed. Only for the main thread."""
        before = signal.signal(SIGNAL, self._handle)
        mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, [SIGNAL])
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            signal.signal(SIGNAL, before)

    def _handle(self, *_: int | FrameType | None) -> None:
        if self._terminal is None or os.isatty(self._terminal):
            self._is_pending = True
        else:
            signal.raise_signal(signal.SIGTERM)


@contextmanager
def postponed() -> Iterator[None]:
    """Keep SIGHUP for later: for processes started inside, until they handle it."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [SIGNAL])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
