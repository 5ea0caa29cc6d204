"""Plans: an operation compiled to steps, which make tasks that run level by level as one Program."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from graphql.execution.values import VariableValues

from db.errors import BadRequest
from db.program import Program, Statement, Usage
from resolvers.loaders import ROWS_PER_OPERATION
from resolvers.operation_context import OperationContext

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
    """Statements that return one JSON text each; `rows` is the number of rows in them, known after `take`."""

    statements: list[Statement]
    rows: int

    def take(self, texts: list[str]) -> "Iterator[Task]":
        """Put what these texts hold into the response, and yield the next level's tasks."""
        ...


class Step(Protocol):
    """What one relation of a level needs, compiled."""

    @property
    def max_rows(self) -> float:
        """The most rows that it and the levels below it read for one object."""
        ...

    def tasks(self, objects: Objects, rows: Rows, run: PlanRun) -> Iterator[Task]:
        """The tasks for these objects, which were made of these rows."""
        ...


def run_tasks(tasks: Sequence[Task], usage: Usage) -> Program[None]:
    """Run tasks level by level, each in one batch of statements; raises BadRequest over the row limit."""
    rows = 0
    while tasks:
        batch = [statement for task in tasks for statement in task.statements]
        usage.statements += len(batch)
        results = yield batch
        texts = iter([str(text) for [(text,)] in results])
        following: list[Task] = []
        for task in tasks:
            following += task.take([next(texts) for _ in task.statements])
            rows += task.rows
            usage.rows += task.rows
            if rows > ROWS_PER_OPERATION:
                raise BadRequest("TOO_MANY_ROWS", "the operation reads too many rows")
        tasks = following
