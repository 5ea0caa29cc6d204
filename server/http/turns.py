"""Turns: how many requests run at once, which wait, and which are refused since they would wait too long.

Without them, all that arrives would run at once and be late together. A turn is given back once the response
begins, and while a body is awaited: neither a slow sender nor a slow reader keeps one.
"""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.types import Message, Receive

from db.fair_queue import FairQueue
from server.http.errors import HTTPError
from server.http.loop_budget import LoopBudget

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
Client: TypeAlias = tuple[str, int] | None
ShareOf: TypeAlias = Callable[[Client, Headers], str]

# As many as the database's writer commits together, which is what makes durable writes affordable.
MOST_RUNNING = 128
# Beyond the first, only those wait of whose share few do.
MOST_WAITING_OF_ALL, MOST_WAITING = 1_000, 2_000
# Always allowed: too few to tell from them how quickly the others will have their turn.
FEWEST_WAITING = 8
# Of the requests that could have their turn in time, so that hardly one is refused after it has waited.
WAITING_SHARE = 0.7
GUESSED_PER_SECOND = 500  # requests, until some have been measured
# Measured for so long, and for this share of the longest wait: a tenth of a second says little of a minute.
MEASURED_SECONDS, MEASURED_SHARE = 0.1, 0.1
LOOK_SECONDS = 0.005
LOG_SECONDS = 10.0
RETRY_AFTER = 1
MESSAGE = f"the server is overloaded: try again in {RETRY_AFTER} s"
# Why requests are refused: as many wait as can have their turn in time, or it did not come in time.
# Or their clients had left when it came.
QUEUE_FULL, WAIT, CLIENT_GONE = "queue_full", "wait", "client_gone"

log = logging.getLogger(__name__)


def refusal() -> HTTPError:
    return HTTPError(503, MESSAGE, {"retry-after": str(RETRY_AFTER)})


@dataclass(eq=False)  # without slots, what most turns never need costs nothing
class Turn:
    """That of a request, or of an operation on a WebSocket. Whoever has it must end it.

    It is running, refused, waiting or over. It holds no scope: scopes hold it, and circles are freed late.
    """

    _lane: "Lane"
    _client: Client
    _headers: Headers
    _share: str | None
    is_running: bool = field(default=False, init=False)
    is_alone: bool = field(default=False, init=False)  # no other was running when it came
    is_refused: bool = field(default=False, init=False)
    is_waiting: bool = field(default=False, init=False)
    since: float = field(default=0.0, init=False)  # when it began to wait, by the lane's clock
    _decided: asyncio.Future[None] | None = field(default=None, init=False)

    @property
    def share(self) -> str:
        """Whose it is: an actor, or a client's address."""
        if self._share is None:
            self._share = self._lane.share_of(self._client, self._headers)
        return self._share

    async def has_come(self, receive: Receive | None = None) -> bool:
        """Wait for it; False if it is refused, or nobody is there any more who would `receive`."""
        try:
            if self.is_waiting:
                self._decided = asyncio.get_running_loop().create_future()
                await self._decided
            if self.is_running:
                await self._lane.budget.wait()
        except asyncio.CancelledError:
            self.end()
            raise
        connection = getattr(receive, "__self__", None)  # uvicorn's
        if self.is_running and getattr(connection, "disconnected", False):
            self.end()
            self._lane.refused[CLIENT_GONE] += 1
        return self.is_running

    def decide(self, *, is_running: bool) -> None:
        self.is_waiting, self.is_running, self.is_refused = False, is_running, not is_running
        if self._decided is not None and not self._decided.done():
            self._decided.set_result(None)

    def end(self) -> None:
        """Give it back; does nothing the second time."""
        if self.is_running:
            self.is_running = False
            self._lane.leave(self)
        elif self.is_waiting:
            self.is_waiting = False
            self._lane.stop_waiting(self)

    def receiving(self, receive: Receive) -> Receive:
        """Receives what is missing of the body without the turn; raises HTTPError if no other comes."""
        try:
            is_missing = receive.__self__.more_body  # type: ignore[attr-defined]
        except AttributeError:  # this is no connection of uvicorn's
            return receive
        return _WithoutTurn(self, receive) if is_missing else receive

    def arrive_again(self) -> None:
        self._lane.arrive_again(self)


class _WithoutTurn:
    """Receives a body; the turn is given back meanwhile."""

    def __init__(self, turn: Turn, receive: Receive) -> None:
        self._turn = turn
        self._receive = receive
        self._is_whole = False

    async def __call__(self) -> Message:
        if self._is_whole:
            return await self._receive()
        self._turn.end()
        message = await self._receive()
        if not message.get("more_body", False):
            self._is_whole = True
            self._turn.arrive_again()
            if not await self._turn.has_come():
                raise refusal()
        return message


class Lane:
    """Requests that take turns. Those who wait have theirs one share after the other.

    While others wait, a share that has half of what runs gets no more. Those that may run begin within a
    LoopBudget. `clock` is monotonic.
    """

    def __init__(
        self,
        wait_seconds: float,
        *,
        always: int,
        most: int = MOST_RUNNING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.share_of: ShareOf = _address
        # Beyond `always`, more begin only while it is false: they would wait for the database instead.
        self.is_backlogged: Callable[[], bool] = lambda: False
        self.budget = LoopBudget(clock)
        self.admitted = 0
        self.refused: Counter[str] = Counter({QUEUE_FULL: 0, WAIT: 0, CLIENT_GONE: 0})
        self._wait_seconds = wait_seconds
        self._always = always
        self._most = most
        self._clock = clock
        self._may_run = always
        self._running: set[Turn] = set()
        self._shares: Counter[str] = Counter()  # of what runs, while others wait
        self._queue: FairQueue[Turn] = FairQueue(MOST_WAITING)
        self._timer: asyncio.TimerHandle | None = None
        self._may_wait = _bounded(GUESSED_PER_SECOND * wait_seconds)
        self._is_guessed = True
        self._ended, self._ended_since = 0, 0.0
        self._refusal_log = _RefusalLog(clock)

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        return self._queue.count

    def arrive(self, client: Client, headers: Headers, share: str | None = None) -> Turn:
        """A turn that is running, waiting or refused; `share` is found out if need be."""
        turn = Turn(self, client, headers, share)
        if len(self._running) < self._may_run and not self._queue.count:
            turn.is_running = True
            turn.is_alone = not self._running
            self._running.add(turn)
            self.admitted += 1
        else:
            self._wait(turn)
        return turn

    def arrive_again(self, turn: Turn) -> None:
        if len(self._running) < self._may_run and not self._queue.count:
            turn.is_running = True
            self._running.add(turn)
        else:
            self._wait(turn)

    def refuses(self, client: Client, headers: Headers) -> bool:
        """Whether it would refuse this request, which then counts as refused."""
        if not self._queue.count:
            return False
        is_refused = not self._has_place(self.share_of(client, headers))
        if is_refused:
            self._count_refusal(QUEUE_FULL)
        return is_refused

    def leave(self, turn: Turn) -> None:
        self._running.discard(turn)
        if len(self._running) + 1 >= self._may_run:
            self._adapt()
        if self._queue.count:
            self._shares[turn.share] -= 1
            self._ended += 1
            self._measure(self._clock())
            self._start_next()

    def stop_waiting(self, turn: Turn) -> None:
        self._queue.remove(turn)

    def _adapt(self) -> None:
        """Let one more run, unless those that run wait for the database already."""
        if self.is_backlogged():
            self._may_run = max(self._always, min(self._may_run, len(self._running)))
        elif self._may_run < self._most:
            self._may_run += 1

    def _wait(self, turn: Turn) -> None:
        now = self._clock()
        if not self._queue.count:
            self._shares = Counter(each.share for each in self._running)
            self._ended, self._ended_since = 0, now
        if not self._has_place(turn.share):
            self._refuse(turn, QUEUE_FULL)
            return
        turn.is_waiting, turn.since = True, now
        self._queue.add(turn)
        if self._timer is None:
            self._set_timer()

    def _has_place(self, share: str) -> bool:
        """Whether one more may wait; each share has a place, however many of others wait."""
        if self._queue.count < self._may_wait:
            return True
        fair = self._may_wait / (self._queue.shares + 1)
        return self._queue.count_of(share) < fair and self._queue.count < MOST_WAITING

    def _start_next(self) -> None:
        while len(self._running) < self._may_run and (turn := self._next()) is not None:
            self.admitted += 1
            self._running.add(turn)
            self._shares[turn.share] += 1
            turn.decide(is_running=True)

    def _next(self) -> Turn | None:
        """Take out the first of the next share that has less than half of what runs, if one has."""
        running = len(self._running) or 1
        return (
            self._queue.next(lambda share: self._shares[share] * 2 < running) or self._queue.next()
        )

    def _measure(self, now: float) -> None:
        """Estimate from those that ended lately how many others would have their turn in time."""
        elapsed = now - self._ended_since
        if elapsed < max(MEASURED_SECONDS, MEASURED_SHARE * self._wait_seconds):
            return
        in_time = WAITING_SHARE * self._wait_seconds * self._ended / elapsed
        if not self._is_guessed:
            in_time = (in_time + self._may_wait) / 2
        self._may_wait = _bounded(in_time)
        self._is_guessed = False
        self._ended, self._ended_since = 0, now

    def _look_again(self) -> None:
        """While requests wait: refuse those that have waited too long, and let one more run."""
        self._timer = None
        now = self._clock()
        for late in self._queue.remove_since(now - self._wait_seconds):
            self._refuse(late, WAIT)
        if self._queue.count:
            self._measure(now)
            self._adapt()
            self._start_next()
        if self._queue.count:
            self._set_timer()

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look_again)

    def _refuse(self, turn: Turn, reason: str) -> None:
        self._count_refusal(reason)
        turn.decide(is_running=False)

    def _count_refusal(self, reason: str) -> None:
        self.refused[reason] += 1
        self._refusal_log.add(reason)


class _RefusalLog:
    """Logs the first refusal, and then their number every LOG_SECONDS."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._count = 0
        self._next = -math.inf

    def add(self, reason: str) -> None:
        self._count += 1
        now = self._clock()
        if now >= self._next:
            log.warning("requests refused", extra={"reason": reason, "count": self._count})
            self._count, self._next = 0, now + LOG_SECONDS


def _bounded(waiting: float) -> int:
    return int(min(max(waiting, FEWEST_WAITING), MOST_WAITING_OF_ALL))


def _address(client: Client, headers: Headers) -> str:
    return client[0] if client else ""
