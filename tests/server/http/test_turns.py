"""Turns: who runs, who waits, who is refused, and whose turn is next. Clocks stand still until moved."""

import asyncio
import weakref
from collections import Counter

import pytest

from server.http.turns import FEWEST_WAITING, MOST_WAITING, QUEUE_FULL, WAIT, Lane, Turn
from tests.support.running.waiting import eventually


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lane_of(running: int, clock: Clock, wait_seconds: float = 1.0) -> Lane:
    """A lane that runs no more than so many."""
    return Lane(wait_seconds, always=running, most=running, clock=clock)


def arrive(lane: Lane, *shares: str) -> list[Turn]:
    return [lane.arrive(None, (), share) for share in shares]


def running(turns: list[Turn]) -> list[str]:
    return [turn.share for turn in turns if turn.is_running]


async def test_requests_run_at_once_while_there_is_room(clock):
    lane = lane_of(2, clock)

    first, second, third = arrive(lane, "a", "a", "a")

    assert (first.is_running, second.is_running, third.is_waiting) == (True, True, True)
    assert (lane.running, lane.waiting, lane.admitted) == (2, 1, 2)


async def test_a_turn_that_ends_lets_the_first_of_those_who_wait_run(clock):
    lane = lane_of(1, clock)
    first, second, third = arrive(lane, "a", "a", "a")

    first.end()
    first.end()

    assert (second.is_running, third.is_waiting) == (True, True)
    assert await second.has_come()
    assert (lane.running, lane.waiting) == (1, 1)


async def test_a_short_pause_says_nothing_where_requests_may_wait_for_long(clock):
    lane = lane_of(1, clock, wait_seconds=60.0)
    arrive(lane, *["one"] * (FEWEST_WAITING + 1))
    clock.now += 1

    lane._look_again()
    (late,) = arrive(lane, "one")

    assert late.is_waiting


async def test_a_turn_that_is_given_up_while_it_waits_takes_no_memory(clock):
    lane = lane_of(1, clock)
    arrive(lane, "a", "b")
    (given_up,) = arrive(lane, "b")
    kept = weakref.ref(given_up)

    given_up.end()
    del given_up

    assert kept() is None
    assert lane.waiting == 1


async def test_shares_take_turns_however_many_requests_one_of_them_has(clock):
    lane = lane_of(1, clock)
    turns = arrive(lane, "many", *["many"] * 5, "one", "two", "two")

    order = []
    for _ in turns:
        (turn,) = [each for each in turns if each.is_running]
        order.append(turn.share)
        turn.end()

    assert order[:5] == ["many", "many", "one", "two", "many"]
    assert Counter(order) == {"many": 6, "two": 2, "one": 1}
    assert lane.running == lane.waiting == 0


async def test_a_share_that_has_half_of_what_runs_gets_no_more_while_others_wait(clock):
    lane = lane_of(8, clock)
    turns = arrive(lane, *["many"] * 20)
    others = arrive(lane, *["other"] * 20)

    for turn in turns[:8]:
        turn.end()
    for _ in range(4):  # the other's are short, and those of the many take long
        for turn in [each for each in others if each.is_running][:2]:
            turn.end()

    assert Counter(running(turns + others)) == {"many": 4, "other": 4}


async def test_a_share_alone_may_have_all_turns(clock):
    lane = lane_of(8, clock)
    turns = arrive(lane, *["many"] * 20)

    for turn in turns[:8]:
        turn.end()

    assert running(turns) == ["many"] * 8


async def test_more_wait_than_could_have_their_turn_in_time_are_refused(clock):
    lane = lane_of(1, clock)
    turns = arrive(lane, *["a"] * 100)
    for turn in turns[:50]:
        clock.now += 0.05  # 20 in a second
        turn.end()

    later = arrive(lane, *["a"] * 100)

    # Of 20, some are left for those that take longer; and 50 waited already.
    assert lane.waiting == 49
    assert all(turn.is_refused for turn in later)
    assert lane.refused[QUEUE_FULL] == 100
    assert not await later[0].has_come()
    for turn in turns[50:90]:
        turn.end()
    assert Counter(turn.is_waiting for turn in arrive(lane, *["a"] * 10)) == {True: 5, False: 5}


async def test_a_share_has_its_place_however_many_requests_of_another_wait(clock):
    lane = lane_of(1, clock)
    while not arrive(lane, "many")[0].is_refused:
        pass

    arrived = arrive(lane, *["other"] * 3)

    assert all(turn.is_waiting for turn in arrived)


@pytest.mark.parametrize("seconds", [0.0001, 10.0])
async def test_the_number_of_those_who_wait_is_bounded(clock, seconds):
    lane = lane_of(1, clock)
    turns = arrive(lane, *["a"] * 200)
    for turn in turns[:150]:
        clock.now += seconds
        turn.end()
    while (turn := arrive(lane, f"share {lane.waiting}")[0]).is_waiting:
        turns.append(turn)

    assert FEWEST_WAITING <= lane.waiting <= MOST_WAITING


async def test_whoever_has_waited_too_long_is_refused_and_holds_up_nobody(clock):
    lane = lane_of(1, clock, wait_seconds=0.5)
    first, second = arrive(lane, "a", "a")
    clock.now += 0.4
    (third,) = arrive(lane, "b")
    clock.now += 0.2

    assert not await second.has_come()
    assert (second.is_refused, third.is_waiting) == (True, True)
    assert (lane.waiting, lane.refused[WAIT]) == (1, 1)
    first.end()
    assert await third.has_come()
    assert lane.running == 1


async def test_a_cancelled_wait_gives_its_place_up(clock):
    lane = lane_of(1, clock)
    first, second, third = arrive(lane, "a", "a", "a")
    waiting = asyncio.ensure_future(second.has_come())
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    first.end()

    assert third.is_running
    assert (lane.running, lane.waiting) == (1, 0)


async def test_more_run_while_nobody_waits_for_the_database(clock):
    lane = Lane(60.0, always=2, most=10, clock=clock)
    turns = arrive(lane, *["a"] * 20)  # none of which ends

    await eventually(lambda: lane.running == 10)

    assert lane.waiting == 10
    assert running(turns[:10]) == ["a"] * 10


async def test_no_more_run_while_reads_wait_for_the_database(clock):
    lane = Lane(60.0, always=2, most=10, clock=clock)
    turns = arrive(lane, *["a"] * 20)
    await eventually(lambda: lane.running == 6)

    lane.is_backlogged = lambda: True
    begun = lane.running
    for turn in turns[:2]:
        turn.end()
    looked = [arrive(lane, "b")[0] for _ in range(3)]
    clock.now += 61
    for turn in looked:
        assert not await turn.has_come()  # the lane has looked again since, and has let nobody run

    assert lane.running == begun - 2
