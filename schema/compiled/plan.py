"""Plans: an operation compiled to steps, which make tasks that run level by level as one Program."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from graphql.execution.values import VariableValues

from db.errors import BadRequest
from db.program import Program, Statement, Usage
from db.program import Rows as StatementRows
from resolvers.loaders import ROWS_PER_OPERATION
from resolvers.operation_context import OperationContext

T = TypeVar("T")

Rows: TypeAlias = Sequence[Sequence[Any]]
"""Rows of a table, each the stored values of the columns that were fetched."""

Objects: TypeAlias = list[dict[str, Any]]
"""The objects of the answer that were made of rows, in the same order."""


class Fallback(Exception):
    """The operation needs generic execution; the message is the reason that metrics report."""


@dataclass(eq=False, slots=True)
class PlanRun:
    ctx: OperationContext
    variables: VariableValues


class Task(Protocol):
    """Statements of one level; `rows` is the number of rows that they have returned, known after `take`."""

    statements: list[Statement]
    rows: int

    def take(self, answers: list[StatementRows]) -> "Iterator[Task]":
        """Put what the statements have returned into the response, and yield the next level's tasks."""
        ...


class ProgramTask:
    """A Program as a task: each of its batches belongs to a level, and `then` takes what it returns."""

    def __init__(self, program: Program[T], then: Callable[[T], None]) -> None:
        self.rows = 0
        self.statements: list[Statement] = []
        self._program, self._then = program, then
        self._is_done = False
        self._go_on(None)

    def take(self, answers: list[StatementRows]) -> Iterator[Task]:
        self.rows = sum(map(len, answers))
        if not self._is_done:
            self._go_on(answers)
        if not self._is_done:
            yield self

    def _go_on(self, answers: list[StatementRows] | None) -> None:
        try:
            self.statements = list(self._program.send(answers))  # type: ignore[arg-type]
        except StopIteration as stop:
            self._is_done, self.statements = True, []
            self._then(stop.value)


class Step(Protocol):
    """What one relation of a level needs, compiled."""

    @property
    def max_rows(self) -> float:
        """The most rows that it and the levels below it read for one object."""
        ...

    def tasks(self, objects: Objects, rows: Rows, run: PlanRun) -> Iterator[Task]:
        """The tasks for these objects, which were made of these rows."""
        ...


def run_tasks(tasks: Sequence[Task], usage: Usage, rows: int = 0) -> Program[None]:
    """Run tasks level by level, each in one batch of statements, after so many `rows` were read for them.

    Raises BadRequest over the row limit.
    """
    while tasks:
        batch = [statement for task in tasks for statement in task.statements]
        usage.statements += len(batch)
        answers = iter((yield batch))
        following: list[Task] = []
        for task in tasks:
            following += task.take([next(answers) for _ in task.statements])
            usage.rows += task.rows
            rows = checked(rows + task.rows)
        tasks = following


def checked(rows: int) -> int:
    """So many rows that an operation has read; raises BadRequest if they are too many."""
    if rows > ROWS_PER_OPERATION:
        raise BadRequest("TOO_MANY_ROWS", "the operation reads too many rows")
    return rows
