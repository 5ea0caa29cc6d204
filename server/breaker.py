"""A circuit breaker: what fails again and again is left alone for a while, then tried by one caller."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


class Open(Exception):
    """Raised instead of a call, as long as what would be called is left alone."""


class Breaker:
    """Counts the calls of one process that fail in a row, and lets none pass for a while after these.

    Then a single one passes; all do again once it has succeeded. `failure` is the exception that
    counts: any other says that there was an answer. `clock` gives seconds that never run back.
    """

    def __init__(
        self,
        name: str,
        failure: type[Exception],
        *,
        failures: int = 3,
        seconds: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._failure = failure
        self._failures = failures
        self._seconds = seconds
        self._clock = clock
        self._in_a_row = 0
        self._open_until = 0.0
        self._trying = False

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Make the call inside; raises Open when it must not be made now."""
        is_trial = self._admit()
        try:
            yield
        except self._failure:
            self._failed()
            raise
        except Exception:
            self._answered()
            raise
        else:
            self._answered()
        finally:  # a call that was cancelled has said nothing
            if is_trial:
                self._trying = False

    def _admit(self) -> bool:
        """Whether the call that may be made now is the single one that tries it out."""
        if self._in_a_row < self._failures:
            return False
        if self._trying or self._clock() < self._open_until:
            raise Open
        self._trying = True
        return True

    def _failed(self) -> None:
        self._in_a_row += 1
        if self._in_a_row >= self._failures:
            self._open_until = self._clock() + self._seconds
        if self._in_a_row == self._failures:
            log.error("circuit opened", extra={"of": self._name, "failures": self._failures})

    def _answered(self) -> None:
        if self._in_a_row >= self._failures:
            log.info("circuit closed", extra={"of": self._name})
        self._in_a_row = 0
