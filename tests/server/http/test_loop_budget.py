"""Requests that run one after the other, without a pause, leave the event loop time to read sockets."""

import asyncio

from server.http.loop_budget import SECONDS
from server.http.turns import Lane, Turn


class Work:
    """Requests of one lane, each of which keeps the event loop busy for so long, by a clock of its own."""

    def __init__(self, seconds: float) -> None:
        self.now = 1_000.0
        self.turn_of_loop = 0
        self.begun: list[tuple[str, int]] = []  # the request, and the turn of the loop
        self.lane = Lane(1.0, always=100, clock=lambda: self.now)
        self._seconds = seconds

    async def run(self, *names: str) -> None:
        other = self.lane.arrive(None, (), "other")  # has begun, and waits for the database
        counting = asyncio.ensure_future(self._count_turns())
        turns = [(name, self.lane.arrive(None, (), name)) for name in names]
        try:
            await asyncio.gather(*(self._request(name, turn) for name, turn in turns))
        finally:
            counting.cancel()
            other.end()

    def most_in_a_turn(self) -> int:
        turns = [turn for _, turn in self.begun]
        return max(turns.count(each) for each in turns)

    async def _request(self, name: str, turn: Turn) -> None:
        if turn.is_alone or await turn.has_come():
            self.begun.append((name, self.turn_of_loop))
            self.now += self._seconds
            turn.end()

    async def _count_turns(self) -> None:
        while True:
            self.turn_of_loop += 1
            await asyncio.sleep(0)


NAMES = [f"{number}" for number in range(20)]


async def test_no_request_begins_in_a_turn_in_which_others_ran_long():
    work = Work(2 * SECONDS)

    await work.run(*NAMES)

    assert work.most_in_a_turn() == 1


async def test_short_requests_begin_in_one_turn():
    work = Work(SECONDS / 100)

    await work.run(*NAMES)

    assert work.most_in_a_turn() == len(NAMES)


async def test_they_begin_in_the_order_in_which_they_came():
    work = Work(SECONDS / 3)

    await work.run(*NAMES)

    assert [name for name, _ in work.begun] == NAMES


async def test_a_request_that_is_cancelled_before_it_begins_gives_its_turn_back():
    work = Work(2 * SECONDS)
    running = asyncio.ensure_future(work.run(*NAMES))
    for _ in range(5):
        await asyncio.sleep(0)

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert 0 < len(work.begun) < len(NAMES)
    assert work.lane.running == 0


async def test_a_request_beside_no_other_begins_at_once():
    work = Work(2 * SECONDS)
    turn = work.lane.arrive(None, (), "alone")

    assert turn.is_alone
