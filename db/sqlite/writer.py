"""The only writer: a queue, and one transaction for all Programs that wait in it.

Group commit makes durable commits (synchronous=FULL) affordable. Each Program has a savepoint, so that one
that fails undoes only its own writes. A caller cancelled during the commit has written everything, one
cancelled before it nothing. A Program that waits too long for its transaction is refused, and never begun.
"""

import asyncio
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from db import attribution, newer_version
from db.attribution import Attribution
from db.errors import Locked, Overloaded, Unavailable
from db.fair_queue import FairQueue, Waiter
from db.program import Program, run
from db.security.row_security import RowSecurity
from db.sqlite.connection_thread import (
    LOCKED,
    NOT_NOW,
    PASSING,
    ConnectionThread,
    Faults,
    code_of,
    execute,
)
from db.sqlite.served_file import ServedFile

T = TypeVar("T")

GROUP = 128
MOST_WAITING = 1_000
CANNOT_WRITE = PASSING | {sqlite3.SQLITE_READONLY}
SELECT_NEWEST = f"SELECT {newer_version.NEWEST}"
Outcome: TypeAlias = tuple[Any, BaseException | None]


@dataclass(eq=False, slots=True)
class Job(Waiter):
    """Gets the Program's result; the future is cancelled together with the caller."""

    program: Program[Any]
    security: RowSecurity
    attribution: Attribution | None


class Writer:
    def __init__(
        self,
        thread: ConnectionThread,
        path: Path,
        wait_seconds: float,
        min_free_bytes: int,
        newest: str,
    ) -> None:
        self.thread = thread
        self._path = path
        self.file = ServedFile(path)
        self._wait_seconds = wait_seconds
        self._min_free_bytes = min_free_bytes
        self._newest = newest
        self._queue: FairQueue[Job] = FairQueue(MOST_WAITING)
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._refusing: asyncio.TimerHandle | None = None
        self._closed = False
        self._serving = asyncio.ensure_future(self._serve())
        self.committed: Callable[[], None] = lambda: None
        """Called after each transaction in which a Program succeeded."""
        self.groups: Counter[int] = Counter()
        """The number of transactions by the number of Programs that shared one."""
        self.refused: Counter[str] = Counter()
        """The number of Programs that were refused for the sake of others, by reason."""

    @classmethod
    async def open(
        cls,
        path: Path,
        faults: Faults,
        *,
        wait_seconds: float,
        min_free_bytes: int,
        newest: str = newer_version.ANY,
    ) -> "Writer":
        """`newest` is as for newer_version."""
        thread = await ConnectionThread.open(path, faults, read_only=False)
        return cls(thread, path, wait_seconds, min_free_bytes, newest)

    async def write(
        self,
        program: Program[T],
        security: RowSecurity,
        share: str,
        attribution: Attribution | None,
    ) -> T:
        """Run a Program and return its result once that is durable, or undo its writes if it raises.

        Raises Overloaded if it was not begun in time, Locked if another program writes for too long,
        Unavailable if the database cannot be written now, and EngineError if a statement fails.
        """
        if self._closed:
            raise Unavailable("the server is shutting down: try again")
        job = Job(share, program, security, attribution)
        dropped = self._queue.add(job)
        if dropped is not None:
            self._refuse(dropped, "queue_full", "too many writes are waiting")
        self._wake.set()
        if self._refusing is None:
            self._refusing = self._loop.call_later(self._wait_seconds, self._refuse_late_jobs)
        result: T = await job.future
        return result

    @property
    def waiting(self) -> int:
        return self._queue.count

    @property
    def longest_wait(self) -> float:
        return self._queue.longest_wait

    def _refuse_late_jobs(self) -> None:
        """Refuse who has waited too long, and look again when the next one will have."""
        self._refusing = None
        for job in self._queue.remove_since(time.monotonic() - self._wait_seconds):
            self._refuse(job, "wait", f"others wrote for {self._wait_seconds:g} s")
        if self._queue.count:
            seconds = self._wait_seconds - self._queue.longest_wait
            self._refusing = self._loop.call_later(seconds, self._refuse_late_jobs)

    def _refuse(self, job: Job, reason: str, because: str) -> None:
        if not job.future.cancelled():
            self.refused[reason] += 1
            job.future.set_exception(Overloaded(f"nothing was written, since {because}: try again"))

    async def _serve(self) -> None:
        while self._queue.count or not self._closed:
            self._wake.clear()
            if not self._queue.count:
                await self._wake.wait()
            jobs: list[Job] = []
            while len(jobs) < GROUP and (job := self._queue.next()) is not None:
                if not job.future.cancelled():
                    jobs.append(job)
            await self._commit(jobs)

    async def _commit(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        self.groups[len(jobs)] += 1
        outcomes: list[Outcome]
        try:
            self.file.require()
            self._refuse_when_nearly_full()
            outcomes = await self.thread.hop(
                lambda connection: _commit_group(connection, jobs, self._newest)
            )
        except Exception as error:
            outcomes = [(None, error)] * len(jobs)
        if any(failure is None for _, failure in outcomes):
            self.committed()
        for job, (result, failure) in zip(jobs, outcomes, strict=True):
            if job.future.cancelled():
                continue
            if failure is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(self._raised(failure))

    def _refuse_when_nearly_full(self) -> None:
        # On a full disk even a deletion fails half-way through the WAL, while reads still work.
        free = shutil.disk_usage(self._path.parent).free
        if free < self._min_free_bytes:
            raise Unavailable(
                f"only {free // 2**20} MB are free where the database is: writing has stopped"
            )

    def _raised(self, failure: BaseException) -> BaseException:
        if not isinstance(failure, sqlite3.Error):
            return failure
        if code_of(failure) == sqlite3.SQLITE_BUSY:
            # The busy timeout has passed: BEGIN IMMEDIATE waits for every kind of it, and begins anew if
            # what it meant to read has changed meanwhile.
            return Locked(LOCKED)
        if code_of(failure) in CANNOT_WRITE:
            return Unavailable(NOT_NOW)
        return self.thread.faults.translated(failure)

    async def close(self) -> None:
        self._closed = True
        self._wake.set()
        try:
            await asyncio.wait([self._serving])
        finally:
            await self.thread.close()


def _commit_group(connection: sqlite3.Connection, jobs: list[Job], newest: str) -> list[Outcome]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        _require_known(connection, newest)
        outcomes: list[Outcome] = []
        are_attributed = have_written = False
        for job in jobs:
            if job.attribution is not None:
                connection.execute(attribution.FILL, job.attribution.bind())
                are_attributed = True
            elif are_attributed:
                connection.execute(attribution.EMPTY)
            outcome, has_written = _attempt(connection, job)
            outcomes.append(outcome)
            have_written = have_written or has_written
        if are_attributed:
            connection.execute(attribution.EMPTY)
        # To say who has written nothing is not worth a commit, which would end caches as well.
        connection.execute("ROLLBACK" if are_attributed and not have_written else "COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return outcomes


def _require_known(connection: sqlite3.Connection, newest: str) -> None:
    if newest == newer_version.ANY:
        return
    ((found,),) = connection.execute(SELECT_NEWEST)
    if found is not None and found > newest:
        raise Unavailable(newer_version.REFUSED)


def _attempt(connection: sqlite3.Connection, job: Job) -> tuple[Outcome, bool]:
    """The outcome of a Program, and whether it has written anything."""
    connection.execute("SAVEPOINT attempt")
    try:
        before = connection.total_changes
        result = run(job.program, lambda statement: execute(connection, statement, job.security))
    except BaseException as error:  # an exception here would end the writer, and all later writes
        if (
            not connection.in_transaction
        ):  # SQLite has rolled back the whole group, as on a full disk
            raise
        connection.execute("ROLLBACK TO attempt")
        connection.execute("RELEASE attempt")
        return (None, error), False
    has_written = connection.total_changes != before
    connection.execute("RELEASE attempt")
    return (result, None), has_written
