"""A circuit breaker: after several failures in a row nothing is called for a while, then one call tries."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


class Open(Exception):
    """Raised instead of making a call while the breaker is open."""


class Breaker:
    """Opens for `seconds` after so many `failures` in a row, counted in this process.

    Then a single call passes, and once it succeeds all do. Only the exception `failure` counts: any other
    means that there was an answer. `clock` gives seconds that never run back.
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
