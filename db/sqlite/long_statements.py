"""Reports the progress of long statements, and lets signals end them."""

import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType

STEPS_BETWEEN_LOOKS = 50_000
ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def watched(connection: sqlite3.Connection, report: Callable[[], None]) -> Iterator[None]:
    """Call `report` at intervals; its exceptions and those of signal handlers end the statement."""
    raised: list[BaseException] = []

    def look() -> int:
        try:
            report()
        except BaseException as error:  # SQLite would only report an interruption
            raised.append(error)
        return len(raised)

    connection.set_progress_handler(look, STEPS_BETWEEN_LOOKS)
    try:
        with _keep_signal_errors(look.__code__, raised):
            yield
    except Exception:
        if not raised:
            raise
    finally:
        connection.set_progress_handler(None, 0)
    if raised:
        raise raised[0]


@contextmanager
def _keep_signal_errors(look: CodeType, raised: list[BaseException]) -> Iterator[None]:
    """Keep an exception of a signal handler that is raised as `look` begins, where it would be lost."""
    # Python calls handlers before the first line of the next function that it enters. While SQLite
    # works, that is `look`, and the exception is outside of its `try`.
    handlers = {number: signal.getsignal(number) for number in ENDING}
    before = {number: handler for number, handler in handlers.items() if callable(handler)}
    if threading.current_thread() is not threading.main_thread():
        before = {}  # only the main thread may set handlers, and they run there

    def handle(number: int, frame: FrameType | None) -> None:
        try:
            before[signal.Signals(number)](number, frame)
        except BaseException as error:
            if frame is None or frame.f_code is not look:
                raise
            raised.append(error)

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
