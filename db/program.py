"""Programs: what a request asks of the database, whatever engine runs it.

A Program is a generator. It yields batches of statements, is sent their rows (one list per statement, in
order) and returns its result. SQLite runs a whole Program in one transaction; an engine reached over HTTP
sends one request per batch. A Program that writes yields exactly one batch, since that is what every engine
can make atomic.
"""

import json
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias, TypeVar

CACHED_TEXTS = 1_024

Value: TypeAlias = str | int | float | bytes | None
Values: TypeAlias = tuple[Value, ...]
Rows: TypeAlias = list[Values]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement and the values of its named parameters.

    `narrow` reads the same rows faster for a viewer who sees few of them. A writing statement returns the
    columns `returning` of the rows that it wrote. An engine without RETURNING selects `returning` FROM `of`:
    a table and a WHERE that finds these rows. One that `explains` finds why the statement before it has
    returned no row: if it has returned any, what this one finds does not matter, and an engine may skip it.
    """

    sql: str
    bind: Mapping[str, Value] = field(default_factory=dict)
    narrow: str = ""
    returning: str = ""
    of: str = ""
    explains: bool = False

    @property
    def with_returning(self) -> str:
        return _with_returning(self.sql, self.returning) if self.returning else self.sql


@lru_cache(CACHED_TEXTS)
def _with_returning(sql: str, returning: str) -> str:
    """The same text each time, of which Python knows the hash: it is looked up by that more than once."""
    return f"{sql} RETURNING {returning}"


Batch: TypeAlias = Sequence[Statement]
Program: TypeAlias = Generator[Batch, list[Rows], T]


@dataclass(slots=True)
class Usage:
    """Statements given to the database, and rows read for the response, counted as for ROWS_PER_OPERATION."""

    statements: int = 0
    rows: int = 0


# A read may take twice as long as another of its kind, and the event loop stops it after a millisecond.
SHORT_SECONDS = 0.0008
# Each short read earns one, a long one costs ENOUGH_CREDIT, with which the next one runs there. So operations
# of which more than every thirtieth read is long stay on threads.
ENOUGH_CREDIT, MOST_CREDIT = 32, 64


@dataclass(eq=False, slots=True)
class ReadTimes:
    """How long the reads of one operation are.

    `clock` gives the CPU time of its thread: a read is not long for waiting for a CPU or for Python's lock.
    """

    credit: int = 0
    clock: Callable[[], float] = time.thread_time

    def measured(self, program: "Program[T]") -> "Program[T]":
        """Runs the Program, on any thread, and counts it if it succeeds."""
        began = self.clock()
        result = yield from program
        earned = 1 if self.clock() - began <= SHORT_SECONDS else -ENOUGH_CREDIT
        self.credit = min(max(self.credit + earned, 0), MOST_CREDIT)
        return result


def json_list(values: Iterable[Value]) -> str:
    """JSON text for `json_each`; a BLOB, which JSON cannot hold, becomes null."""
    return json.dumps([None if isinstance(value, bytes) else value for value in values])


def in_order(value: Value) -> tuple[int, Value]:
    """For sorting values as SQLite does: NULL, numbers, texts, BLOBs."""
    if value is None:
        return (0, 0)
    return (3 if isinstance(value, bytes) else 2 if isinstance(value, str) else 1, value)


def run(program: Program[T], execute: Callable[[Statement], Rows]) -> T:
    try:
        batch = next(program)
        while True:
            results: list[Rows] = []
            for statement in batch:
                is_needless = statement.explains and results and results[-1]
                results.append([] if is_needless else execute(statement))
            batch = program.send(results)
    except StopIteration as stop:
        result: T = stop.value
        return result


def count_statements(program: Program[T], spent: Usage) -> Program[T]:
    try:
        batch = next(program)
        while True:
            spent.statements += len(batch)
            batch = program.send((yield batch))
    except StopIteration as stop:
        result: T = stop.value
        return result


def nothing(result: T) -> Program[T]:
    """A Program that asks for nothing."""
    yield from ()
    return result


def rows(statement: Statement) -> Program[Rows]:
    (only,) = yield [statement]
    return only
