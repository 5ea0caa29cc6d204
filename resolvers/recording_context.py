"""A scope that remembers what was asked of the database, for whoever wants to know."""

from dataclasses import dataclass, field
from typing import TypeVar

from db.program import Batch, Program, Rows, Statement
from resolvers.operation_context import OperationContext

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """One statement, how many rows it gave, and in which batch of the operation it was sent."""

    statement: Statement
    rows: int
    batch: int


@dataclass(eq=False)
class RecordingContext(OperationContext):
    """A scope whose reads are written down in `asked`, in order."""

    asked: list[Asked] = field(default_factory=list)
    batches: int = 0

    async def read(self, program: Program[T]) -> T:
        """Run a Program in the operation's snapshot."""
        return await super().read(self._noted(program))

    async def read_last(self, program: Program[T]) -> T:
        """Like `read`, and end the snapshot with it unless it raises."""
        return await super().read_last(self._noted(program))

    def read_at_once(self, program: Program[T]) -> T:
        """Run a Program that reads a few rows by key, in a snapshot of its own."""
        return super().read_at_once(self._noted(program))

    def _noted(self, program: Program[T]) -> Program[T]:
        try:
            batch: Batch = next(program)
            while True:
                found: list[Rows] = yield batch
                self.batches += 1
                self.asked += [
                    Asked(statement, len(rows), self.batches)
                    for statement, rows in zip(batch, found, strict=True)
                ]
                batch = program.send(found)
        except StopIteration as stop:
            result: T = stop.value
            return result
