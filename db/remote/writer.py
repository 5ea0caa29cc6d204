"""The only writer of a process on an engine over HTTP: one request for all Programs that wait.

An engine commits a batch or nothing of it. If a statement fails, each Program of the group is sent alone. A
batch whose answer is lost is sent again: it applies once, and what it returned is read from what it wrote.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from db import attribution, newer_version
from db.attribution import Attribution
from db.consistency import NOW, At, Level
from db.errors import (
    EngineError,
    EngineLimit,
    OutcomeUnknown,
    PartlyApplied,
    Refused,
    Unavailable,
)
from db.fair_queue import Waiter
from db.program import Batch, Program, Rows
from db.remote import applied_writes, statements
from db.remote.applied_writes import Attempt, State
from db.remote.patient_queue import PatientQueue
from db.remote.statements import Sent
from db.remote.transport import Bound, Transport
from db.security.row_security import RowSecurity

T = TypeVar("T")

GROUP = 128
# A cluster elects another leader in that time. With the wait for its turn, whoever cannot write is told so
# within 5 seconds, before clients and load balancers give up.
WRITE_SECONDS = 3.8
LEAST_SECONDS = 0.2  # what one more attempt needs
PAUSE_SECONDS = 0.02  # before a batch is sent again; each pause is twice as long as the last
STORED = "it has been applied, but its answer was lost"
UNKNOWN = "it may have been applied"


@dataclass(eq=False, slots=True)
class Job(Waiter):
    """Gets the Program's result. `batch` is what the Program has asked for."""

    program: Program[Any]
    security: RowSecurity
    attribution: Attribution | None
    batch: Batch = ()
    bytes: int = 0

    def resolve(self, rows: list[Rows], *, was_stored: bool = False) -> None:
        """Give the Program its rows; one that was stored before is not refused by what others wrote since."""
        try:
            self.program.send(rows)
        except StopIteration as stop:
            self.succeed(stop.value)
        except Refused as refused:
            self.fail(OutcomeUnknown(STORED) if was_stored else refused)
        except BaseException as error:
            self.fail(error)
        else:
            self.program.close()
            self.fail(EngineError("a Program that writes has one batch"))

    def succeed(self, result: Any) -> None:
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class RemoteWriter:
    """`seen` is called with the state after each batch; `newest` is as for newer_version."""

    def __init__(
        self,
        transport: Transport,
        seen: Callable[[State, float], None],
        *,
        wait_seconds: float,
        write_seconds: float = WRITE_SECONDS,
        newest: str = newer_version.ANY,
    ) -> None:
        self._transport = transport
        self._seen = seen
        self._write_seconds = write_seconds
        self._newest = newest
        self._queue: PatientQueue[Job] = PatientQueue(wait_seconds, "writes", "written", "wrote")
        self._wake = asyncio.Event()
        self._closed = False
        self._serving = asyncio.ensure_future(self._serve())
        self._next: Job | None = None  # the job that the last group had no room for
        self._sent = 0
        self.groups: Counter[int] = Counter()
        self.refused = self._queue.refused

    async def write(
        self,
        program: Program[T],
        security: RowSecurity,
        share: str,
        attribution: Attribution | None,
    ) -> T:
        """See Database.write."""
        if self._closed:
            raise Unavailable("the server is shutting down: try again")
        job = Job(share, program, security, attribution)
        try:
            job.batch = next(program)
        except StopIteration as stop:
            returned: T = stop.value
            return returned
        job.bytes = applied_writes.size([Bound(each.sql, each.bind) for each in job.batch])
        self._queue.wait(job)
        self._wake.set()
        result: T = await job.future
        return result

    @property
    def waiting(self) -> int:
        return self._queue.count

    @property
    def longest_wait(self) -> float:
        return self._queue.longest_wait

    async def _serve(self) -> None:
        while self._next is not None or self._queue.count or not self._closed:
            self._wake.clear()
            if self._next is None and not self._queue.count:
                await self._wake.wait()
            jobs = self._take()
            if jobs:
                self.groups[len(jobs)] += 1
                await self._carry_out(jobs)

    def _take(self) -> list[Job]:
        """The jobs of the next group, as many as one batch can hold."""
        limits = self._transport.limits
        jobs: list[Job] = []
        count = size = 0
        while len(jobs) < GROUP:
            job, self._next = self._next or self._queue.next(), None
            if job is None:
                break
            if job.future.done():
                job.program.close()
                continue
            # Each may become three: itself, what it returns, and the record of that.
            count += 3 * len(job.batch) + 1
            size += job.bytes
            if jobs and (count > limits.batch_statements // 2 or size > limits.batch_bytes // 2):
                self._next = job
                break
            jobs.append(job)
        return jobs

    async def _carry_out(self, jobs: list[Job]) -> None:
        try:
            await self._send(jobs)
        except (EngineError, EngineLimit, Refused) as error:
            if len(jobs) == 1:
                jobs[0].program.close()
                jobs[0].fail(error)
                return
            for job in jobs:  # nothing was stored: one of them is at fault
                await self._carry_out([job])
        except (
            BaseException
        ) as error:  # an exception here would end the writer, and all later writes
            for job in jobs:
                job.program.close()
                job.fail(error)
            if not isinstance(error, Exception):
                raise

    async def _send(self, jobs: list[Job]) -> None:
        attempt, deadline = Attempt.new(), time.monotonic() + self._write_seconds
        sent = Sent([attempt.guard(self._newest)])
        self._sent += 1
        if self._sent % applied_writes.REMOVE_EVERY == 0:
            sent.batch.append(applied_writes.remove_old())
        owns = [self._add(sent, number, job, attempt) for number, job in enumerate(jobs)]
        if any(job.attribution is not None for job in jobs):
            sent.batch.append(Bound(attribution.EMPTY, {}))
        sent.batch.append(Bound(applied_writes.STATE, {}))
        results = await self._deliver(sent.batch, deadline)
        if results is None:
            await self._find_again(jobs, attempt, max(deadline - time.monotonic(), 1.0))
            return
        self._seen(State.of(results[-1]), time.monotonic())
        for job, own in zip(jobs, owns, strict=True):
            job.resolve(own.rows_of(job.batch, results))

    async def _deliver(self, batch: list[Bound], deadline: float) -> list[Rows] | None:
        """Send a batch until it has been answered; None if it turns out to have been applied before."""
        unknown: OutcomeUnknown | None = None
        pause = PAUSE_SECONDS
        while True:
            try:
                return await self._transport.send(
                    batch, write=True, at=NOW, seconds=deadline - time.monotonic()
                )
            except PartlyApplied:
                raise  # sent again, its guard would make it look as if all of it was applied
            except OutcomeUnknown as error:
                unknown = error
                if deadline - time.monotonic() < LEAST_SECONDS + pause:
                    raise OutcomeUnknown(f"{error}: {UNKNOWN}") from error
                await asyncio.sleep(pause)
                pause *= 2
            except (EngineError, Unavailable) as error:
                if applied_writes.is_conflict(error):
                    return None
                if unknown is None and applied_writes.is_of_newer_version(error):
                    raise Unavailable(newer_version.REFUSED) from error
                if unknown is None:
                    raise
                # What was sent before may be applied yet, so that none of it must be sent as another batch.
                raise OutcomeUnknown(f"{unknown}: {UNKNOWN}") from error

    def _add(self, sent: Sent, number: int, job: Job, attempt: Attempt) -> Sent:
        if job.attribution is not None:
            sent.batch.append(Bound(attribution.FILL, job.attribution.bind()))
        else:
            sent.batch.append(Bound(attribution.EMPTY, {}))
        has_returning = self._transport.limits.has_returning
        return statements.to_write(
            sent, job.batch, job.security, attempt, number, has_returning=has_returning
        )

    async def _find_again(self, jobs: list[Job], attempt: Attempt, seconds: float) -> None:
        """Resolve jobs whose batch was applied, but whose answer was lost."""
        try:
            found, state = await self._transport.send(
                [attempt.find(), Bound(applied_writes.STATE, {})],
                write=False,
                at=At(Level.STRONG),
                seconds=seconds,
            )
            self._seen(State.of(state), time.monotonic())
            wrote = applied_writes.places(found) or frozenset()
            for number, job in enumerate(jobs):
                own = {place for program, place in wrote if program == number}
                batch = statements.to_find_again(job.batch, job.security, own)
                results = await self._transport.send(
                    batch, write=False, at=At(Level.STRONG), seconds=seconds
                )
                rows = statements.without_needless(job.batch, results)
                job.resolve(rows, was_stored=bool(own))
        except (EngineError, Unavailable) as error:
            raise OutcomeUnknown(f"{error}: {STORED}") from error

    async def close(self) -> None:
        self._closed = True
        self._wake.set()
        await asyncio.wait([self._serving])
        self._queue.close()
