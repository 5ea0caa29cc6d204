"""Runs Programs step by step: on the event loop while they are sent few rows, on a thread for many."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from db.program import Batch, Program, Rows

MANY_ROWS = 500
"""To rank or to join so many takes milliseconds, in which the event loop would serve nobody."""
THREADS = 2
"""They share one interpreter, so that more would not be faster."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What a Program has returned."""

    result: Any


def begun(program: Program[Any]) -> Batch | Returned:
    """Its first batch, or what it returns without one."""
    return _step(program, None)


def _step(program: Program[Any], rows: list[Rows] | None) -> Batch | Returned:
    try:
        return next(program) if rows is None else program.send(rows)
    except StopIteration as stop:  # which no future takes
        return Returned(stop.value)


class Threads:
    """Where Programs of one database go on that were sent many rows."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, "programs")

    async def send(self, program: Program[Any], rows: list[Rows]) -> Batch | Returned:
        """What the Program makes of the rows of its last batch: the next batch, or its result."""
        if sum(map(len, rows)) <= MANY_ROWS:
            return _step(program, rows)
        return await asyncio.get_running_loop().run_in_executor(self._pool, _step, program, rows)

    async def close(self) -> None:
        """Wait for what runs still, which asks nothing more of the database."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
