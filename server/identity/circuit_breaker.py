"""A circuit breaker: after several failures in a row, it blocks all calls for a while."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


class CircuitOpen(Exception):
    """Raised instead of making a call while the circuit is open."""


class CircuitBreaker:
    """Opens for `seconds` after `failures` failures in a row, then lets one trial call decide."""

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
        self._max_failures = failures
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0
        self._is_trying = False

    @contextmanager
    def call(self) -> Iterator[None]:
        """Make the call inside; raises CircuitOpen if it must not be made now."""
        is_trial = self._admit()
        try:
            yield
        except self._failure:
            self._record_failure()
            raise
        except Exception:  # of any other type: the service responded
            self._record_success()
            raise
        else:
            self._record_success()
        finally:  # a cancelled call proves nothing
            if is_trial:
                self._is_trying = False

    def _admit(self) -> bool:
        """Whether this call is the single trial; raises CircuitOpen."""
        if self._failures < self._max_failures:
            return False
        if self._is_trying or self._clock() < self._open_until:
            raise CircuitOpen
        self._is_trying = True
        return True

    def _record_failure(self) -> None:
        self._failures += 1
        if self._failures >= self._max_failures:
            self._open_until = self._clock() + self._seconds
        if self._failures == self._max_failures:
            log.error("circuit opened", extra={"of": self._name, "failures": self._failures})

    def _record_success(self) -> None:
        if self._failures >= self._max_failures:
            log.info("circuit closed", extra={"of": self._name})
        self._failures = 0
