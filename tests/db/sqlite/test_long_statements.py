"""Signals that come while SQLite works on one long statement."""

import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from db.sqlite.long_statements import watched

LONG = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
SHORT = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT max(i) FROM n"


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def number(request: pytest.FixtureRequest) -> Iterator[int]:
    """A signal whose handler ends the process with its number."""
    before = signal.signal(request.param, lambda number, _: sys.exit(number))
    yield request.param
    signal.signal(request.param, before)


def run(connection: sqlite3.Connection, sql: str, timer: threading.Timer) -> Any:
    with watched(connection, lambda: None):
        timer.start()
        return connection.execute(sql).fetchone()


def sending(number: int, after: float) -> threading.Timer:
    return threading.Timer(after, os.kill, (os.getpid(), number))


def test_a_signal_ends_a_long_statement_as_its_handler_says(number: int):
    with closing(sqlite3.connect(":memory:")) as connection:
        for after in (0.001, 0.01, 0.02, 0.05, 0.1):
            timer = sending(number, after)

            with pytest.raises(SystemExit) as ended:
                run(connection, LONG, timer)

            timer.join()
            assert ended.value.code == number


def test_a_handler_that_raises_nothing_ends_nothing():
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            timer = sending(signal.SIGTERM, 0.01)
            found = run(connection, SHORT, timer)
            timer.join()
    finally:
        signal.signal(signal.SIGTERM, before)

    assert found == (3_000_000,)
    assert told == [signal.SIGTERM]


def test_the_handlers_are_as_they_were_afterwards(number: int):
    handler = signal.getsignal(number)

    with closing(sqlite3.connect(":memory:")) as connection, watched(connection, lambda: None):
        assert signal.getsignal(number) is not handler

    assert signal.getsignal(number) is handler


def test_another_thread_sets_no_handlers(number: int):
    found: list[object] = []

    def work() -> None:
        with closing(sqlite3.connect(":memory:")) as connection, watched(connection, lambda: None):
            found.append(signal.getsignal(number))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert found == [signal.getsignal(number)]
