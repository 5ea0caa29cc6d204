"""The only writer: a queue, and one transaction for all Programs that wait in it.

Group commit makes durable commits (synchronous=FULL) affordable. Each Program has a savepoint, so that one
that fails undoes only its own writes. A caller cancelled during the commit has written everything, one
cancelled before it nothing.
"""

import asyncio
import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from db.errors import Unavailable
from db.program import Program, run
from db.security.row_security import RowSecurity
from db.sqlite.connection_thread import (
    NOT_NOW,
    PASSING,
    ConnectionThread,
    code_of,
    execute,
    translated,
)

T = TypeVar("T")

GROUP = 128
CANNOT_WRITE = PASSING | {sqlite3.SQLITE_READONLY}
Outcome: TypeAlias = tuple[Any, BaseException | None]


@dataclass(eq=False, slots=True)
class Job:
    """The future `done` is cancelled together with the caller."""

    program: Program[Any]
    security: RowSecurity
    done: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Writer:
    def __init__(self, thread: ConnectionThread, path: Path, min_free_bytes: int) -> None:
        self._thread = thread
        self._path = path
        self._min_free_bytes = min_free_bytes
        self._queue: asyncio.Queue[Job | None] = asyncio.Queue()
        self._serving = asyncio.ensure_future(self._serve())
        self._closed = False
        self.groups: Counter[int] = Counter()
        """The number of transactions by the number of Programs that shared one."""

    @classmethod
    async def open(cls, path: Path, *, min_free_bytes: int) -> "Writer":
        return cls(await ConnectionThread.open(path, read_only=False), path, min_free_bytes)

    async def write(self, program: Program[T], security: RowSecurity) -> T:
        """Run a Program and return its result once that is durable, or undo its writes if it raises.

        Raises Unavailable if the database cannot be written now, and EngineError if a statement fails.
        """
        if self._closed:
            raise Unavailable("the server is shutting down: try again")
        job = Job(program, security)
        self._queue.put_nowait(job)
        result: T = await job.done
        return result

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    async def _serve(self) -> None:
        while (first := await self._queue.get()) is not None:
            jobs = [first]
            while len(jobs) < GROUP and not self._queue.empty():
                job = self._queue.get_nowait()
                if job is None:
                    self._queue.put_nowait(None)
                    break
                jobs.append(job)
            await self._commit([job for job in jobs if not job.done.cancelled()])

    async def _commit(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        self.groups[len(jobs)] += 1
        outcomes: list[Outcome]
        try:
            self._refuse_when_nearly_full()
            outcomes = await self._thread.hop(lambda connection: _commit_group(connection, jobs))
        except Exception as error:
            outcomes = [(None, error)] * len(jobs)
        for job, (result, failure) in zip(jobs, outcomes, strict=True):
            if job.done.cancelled():
                continue
            if failure is None:
                job.done.set_result(result)
            else:
                job.done.set_exception(_raised(failure))

    def _refuse_when_nearly_full(self) -> None:
        # On a full disk even a deletion fails half-way through the WAL, while reads still work.
        free = shutil.disk_usage(self._path.parent).free
        if free < self._min_free_bytes:
            raise Unavailable(
                f"only {free // 2**20} MB are free where the database is: writing has stopped"
            )

    async def close(self) -> None:
        self._closed = True
        self._queue.put_nowait(None)
        try:
            await asyncio.wait([self._serving])
        finally:
            await self._thread.close()


def _raised(failure: BaseException) -> BaseException:
    if not isinstance(failure, sqlite3.Error):
        return failure
    return Unavailable(NOT_NOW) if code_of(failure) in CANNOT_WRITE else translated(failure)


def _commit_group(connection: sqlite3.Connection, jobs: list[Job]) -> list[Outcome]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        outcomes = [_attempt(connection, job) for job in jobs]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return outcomes


def _attempt(connection: sqlite3.Connection, job: Job) -> Outcome:
    connection.execute("SAVEPOINT attempt")
    try:
        result = run(job.program, lambda statement: execute(connection, statement, job.security))
    except BaseException as error:  # an exception here would end the writer, and all later writes
        if (
            not connection.in_transaction
        ):  # SQLite has rolled back the whole group, as on a full disk
            raise
        connection.execute("ROLLBACK TO attempt")
        connection.execute("RELEASE attempt")
        return None, error
    connection.execute("RELEASE attempt")
    return result, None
