"""An OperationContext that records its statements, for `chittygraph explain` and for tests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from db.program import Batch, Program, ReadTimes, Rows, Statement
from resolvers.operation_context import OperationContext

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RecordedStatement:
    statement: Statement
    rows: int
    batch: int


@dataclass(eq=False)
class RecordingContext(OperationContext):
    recorded: list[RecordedStatement] = field(default_factory=list)
    batches: int = 0

    async def read(self, program: Program[T]) -> T:
        return await super().read(self._recording(program))

    async def read_last(self, program: Program[T]) -> T:
        return await super().read_last(self._recording(program))

    async def read_few(self, program: Program[T]) -> T:
        return await super().read_few(self._recording(program))

    async def read_measured(self, start: Callable[[], Program[T]], times: ReadTimes) -> T:
        return await super().read_measured(lambda: self._recording(start()), times)

    def _recording(self, program: Program[T]) -> Program[T]:
        try:
            batch: Batch = next(program)
            while True:
                results: list[Rows] = yield batch
                self.batches += 1
                self.recorded += [
                    RecordedStatement(statement, len(rows), self.batches)
                    for statement, rows in zip(batch, results, strict=True)
                ]
                batch = program.send(results)
        except StopIteration as stop:
            result: T = stop.value
            return result
