"""Topics: what is read once for all listeners with the same document, variables, filter and credential."""

import asyncio
import random
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import orjson
from cachetools import TTLCache

from db.errors import EngineError, EngineLimit, Overloaded, Unavailable
from db.history import live
from db.history.live import LogRange
from db.program import ReadTimes
from db.queries import log_positions, sealed_sequences
from db.queries.sealed_sequences import Purpose
from resolvers.permissions import Viewer
from schema import errors
from schema.execution import events
from schema.execution.events import EventArguments, EventQuery
from schema.fields import global_ids
from server.graphql.operation import Operations
from server.http.turns import Lane
from server.subscriptions.log_tail import LogTail
from server.subscriptions.stream_end import FAILED, MISSED, UNAVAILABLE, StreamEnd
from server.telemetry.counters import Metrics

# How much is read at once: changes that are looked at, events, their bytes, and their points together.
MOST_LOOKED_AT, MOST_EVENTS, MOST_BYTES, MOST_POINTS = 1_000, 100, 2**16, 2_000
# What is read is kept for those who come to it a little later.
KEPT_BYTES, KEPT_SECONDS = 16 * 2**20, 1.0
RETRY_SECONDS, LONGEST_PAUSE = 30.0, 0.5


@dataclass(frozen=True, slots=True)
class Event:
    """One change as its listeners get it; `payload` is the GraphQL response."""

    cursor: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What follows a place in the log, up to the change with the sequence number `position`."""

    events: tuple[Event, ...]
    position: int

    @property
    def size(self) -> int:
        return 200 + sum(len(each.payload) + 150 for each in self.events)


@dataclass(frozen=True, slots=True)
class Sources:
    """What all topics of a worker read with."""

    operations: Operations
    tail: LogTail
    turns: Lane
    metrics: Metrics
    kept: TTLCache[Any, Batch]

    @classmethod
    def of(cls, operations: Operations, tail: LogTail, turns: Lane, metrics: Metrics) -> "Sources":
        kept: TTLCache[Any, Batch] = TTLCache(KEPT_BYTES, KEPT_SECONDS, getsizeof=_size)
        return cls(operations, tail, turns, metrics, kept)

    @property
    def key(self) -> bytes:
        return self.operations.cursor_key


def _size(batch: Batch) -> int:
    return batch.size


class Topic:
    """`cost` is that of one event, in points."""

    def __init__(
        self, sources: Sources, query: EventQuery, arguments: EventArguments, cost: int
    ) -> None:
        self.sources = sources
        self.listeners = 0
        self._query = query
        self._arguments = arguments
        self._most = max(
            1,
            min(MOST_EVENTS, sources.operations.policy.page_max, MOST_POINTS // max(1, cost)),
        )
        self._times = ReadTimes()
        self._reading: dict[Any, asyncio.Task[Batch]] = {}

    async def batch(self, viewer: Viewer, position: int, request_id: str) -> Batch:
        """What the viewer sees after this place, read once for all who are there; raises StreamEnd."""
        key = self, viewer, position
        kept = self.sources.kept.get(key)
        if kept is not None:
            return kept
        task = self._reading.get(key)
        if task is None:
            task = self._reading[key] = asyncio.create_task(
                self._read_with_retries(viewer, position, request_id)
            )
            task.add_done_callback(lambda done: self._take(key, done))
        return await asyncio.shield(task)

    def _take(self, key: Any, done: asyncio.Task[Batch]) -> None:
        del self._reading[key]
        if not done.cancelled() and done.exception() is None:
            batch = done.result()
            if batch.size <= KEPT_BYTES:
                self.sources.kept[key] = batch

    async def _read_with_retries(self, viewer: Viewer, position: int, request_id: str) -> Batch:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + RETRY_SECONDS
        while True:
            try:
                return await self._read_in_turn(viewer, position, request_id)
            except EngineLimit as error:  # which it would be again
                raise StreamEnd(FAILED, error.code, str(error)) from error
            except (Unavailable, EngineError) as error:
                reason = str(error)
            if loop.time() > deadline:
                raise StreamEnd(UNAVAILABLE, "UNAVAILABLE", f"the changes cannot be read: {reason}")
            await asyncio.sleep(random.uniform(LONGEST_PAUSE / 10, LONGEST_PAUSE))  # noqa: S311

    async def _read_in_turn(self, viewer: Viewer, position: int, request_id: str) -> Batch:
        turn = self.sources.turns.arrive(None, (), viewer.share)
        try:
            if not await turn.has_come():
                raise Overloaded("too many requests are waiting")
            return await self._read(viewer, position, request_id)
        finally:
            turn.end()

    async def _read(self, viewer: Viewer, position: int, request_id: str) -> Batch:
        tail = self.sources.tail
        newest, where = tail.newest, self._arguments.filter.condition
        if not tail.may_meet(where, position):
            return Batch((), max(position, newest))
        is_far = newest - position > MOST_LOOKED_AT and not viewer.sees_everything
        until = newest if is_far else min(newest, position + MOST_LOOKED_AT)
        wanted = LogRange(position, until, self._most, where, is_far)
        with closing(self.sources.operations.context(viewer, request_id)) as ctx:
            extent, sequences = await ctx.read_measured(lambda: live.visible(wanted), self._times)
        if position < extent.before:
            raise self.missed(extent.before)
        if extent.newest < until:  # an engine that just lost its leader may read an older state
            raise Unavailable("what was read is older than what is known of the changes")
        if not sequences:
            return Batch((), max(position, until))
        found = await self.events(viewer, sequences, request_id)
        if len(found) < len(sequences):
            return Batch(tuple(found), sequences[len(found) - 1])
        return Batch(tuple(found), until if len(sequences) < self._most else sequences[-1])

    def missed(self, before: int) -> StreamEnd:
        """The end of a stream that would go on from changes that are no longer retained."""
        return missed(self.sources.key, before)

    async def events(self, viewer: Viewer, sequences: list[int], request_id: str) -> list[Event]:
        """The events of these changes, or of the first of them if they are large.

        Raises Unavailable if one of them is no longer retained or no longer visible, since it was found.
        """
        operations, key, query = self.sources.operations, self.sources.key, self._query
        ids = [global_ids.of_change(key, sequence) for sequence in sequences]
        with closing(operations.context(viewer, request_id)) as ctx:
            result = await operations.executor.execute(
                query.document, query.operation, ctx, {**self._arguments.variables, query.ids: ids}
            )
        formatted = errors.format_errors(result.errors, request_id) if result.errors else []
        found: list[Event] = []
        size = 0
        for index, node in enumerate(events.nodes_of(result, len(ids))):
            of_event = list(query.errors_of(formatted, index))
            if node is None and not of_event:
                raise Unavailable("the changes were not the same when they were read again")
            response: dict[str, Any] = {"data": None if node is None else query.data(node)}
            if of_event:
                response["errors"] = of_event
            payload = orjson.dumps(response)
            size += len(payload)
            if found and size > MOST_BYTES:
                break
            cursor = sealed_sequences.seal(key, sequences[index], Purpose.CURSOR)
            found.append(Event(cursor, payload))
        return found


def missed(key: bytes, before: int) -> StreamEnd:
    return StreamEnd(
        MISSED,
        "CHANGES_MISSED",
        "changes after this place are no longer retained, so that some would be missed: read anew what you"
        " keep, and go on after the cursor",
        log_positions.seal(key, before),
    )
