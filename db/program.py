"""Programs: what a request asks of the database, whatever engine runs it.

A Program is a generator. It yields batches of statements, is sent their rows (one list per statement, in
order) and returns its result. SQLite runs a whole Program in one transaction; an engine that is reached
over HTTP sends one request per batch. A Program that writes yields exactly one batch, since a batch is
what every engine can make atomic.
"""

import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

Value: TypeAlias = str | int | float | bytes | None
Values: TypeAlias = tuple[Value, ...]
Rows: TypeAlias = list[Values]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement and what its named parameters are bound to.

    `narrow` reads the same rows faster for a viewer who sees few of them.

    A writing statement answers with the rows that it wrote if `returning` lists columns. Its text has
    no RETURNING clause: an engine without one selects `returning` FROM `of`, a table and a WHERE that
    finds the written rows.
    """

    sql: str
    bind: Mapping[str, Value] = field(default_factory=dict)
    narrow: str = ""
    returning: str = ""
    of: str = ""

    @property
    def with_returning(self) -> str:
        """The text for an engine that has RETURNING."""
        return f"{self.sql} RETURNING {self.returning}" if self.returning else self.sql


Batch: TypeAlias = Sequence[Statement]
Program: TypeAlias = Generator[Batch, list[Rows], T]


@dataclass(slots=True)
class Usage:
    """What one operation has used of the database: statements, and rows read for its response.

    Rows are counted as for the limit ROWS_PER_OPERATION, in compiled and in generic execution.
    """

    statements: int = 0
    rows: int = 0


def json_list(values: Iterable[Value]) -> str:
    """Values as JSON text for `json_each`; a BLOB, which JSON cannot hold, becomes null."""
    return json.dumps([None if isinstance(value, bytes) else value for value in values])


def run(program: Program[T], execute: Callable[[Statement], Rows]) -> T:
    """Run a Program to its end and return its result; raises what the Program raises."""
    try:
        batch = next(program)
        while True:
            batch = program.send([execute(statement) for statement in batch])
    except StopIteration as stop:
        result: T = stop.value
        return result


def count_statements(program: Program[T], spent: Usage) -> Program[T]:
    """The same Program, which also counts its statements."""
    try:
        batch = next(program)
        while True:
            spent.statements += len(batch)
            batch = program.send((yield batch))
    except StopIteration as stop:
        result: T = stop.value
        return result


def rows(statement: Statement) -> Program[Rows]:
    """The Program that runs a single statement and returns its rows."""
    (found,) = yield [statement]
    return found
