"""The checks of histories, with which the tests of faults judge a cluster, find what they look for."""

import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.faults.operation_histories import (
    Outcome,
    Read,
    SetProblems,
    Write,
    check_registers,
    check_set,
)


def write(
    value: str, began: float, ended: float, outcome: Outcome = Outcome.DONE, key: str = "r"
) -> Write:
    return Write(key, value, began, ended, outcome)


def read(value: str, began: float, ended: float, key: str = "r") -> Read:
    return Read(key, value, began, ended)


def test_a_set_that_holds_what_was_acknowledged_is_sound():
    writes = [
        write("a", 0, 1),
        write("b", 0, 1, Outcome.UNKNOWN),
        write("c", 0, 1, Outcome.UNKNOWN),
    ]

    found = check_set(writes, ["a", "b"])

    assert not found.lost | found.repeated | found.unwanted


def test_what_is_wrong_with_a_set_is_found():
    writes = [write("a", 0, 1), write("b", 0, 1), write("c", 0, 1, Outcome.REFUSED)]

    found = check_set(writes, ["b", "b", "c", "d"])

    assert found == SetProblems(frozenset("a"), frozenset("b"), frozenset("cd"))


SOUND = {
    "nothing": ([], []),
    "one after the other": ([write("a", 0, 1), write("b", 2, 3)], [read("b", 4, 5)]),
    "read while it is written": (
        [write("a", 0, 1), write("b", 2, 6)],
        [read("b", 3, 4), read("b", 5, 7)],
    ),
    "read before and after": (
        [write("a", 0, 1), write("b", 2, 6)],
        [read("a", 3, 4), read("b", 5, 7)],
    ),
    "unknown and seen": (
        [write("a", 0, 1), write("b", 2, 3, Outcome.UNKNOWN)],
        [read("a", 4, 5), read("b", 6, 7)],
    ),
    "unknown and never seen": (
        [write("a", 0, 1), write("b", 2, 3, Outcome.UNKNOWN)],
        [read("a", 4, 5), read("a", 6, 7)],
    ),
    "two at once, in either order": (
        [write("a", 0, 4), write("b", 0, 4)],
        [read("a", 5, 6), read("a", 7, 8)],
    ),
    "registers of their own": (
        [write("a", 0, 1, key="r"), write("b", 0, 1, key="s")],
        [read("a", 2, 3)],
    ),
}
WRONG = {
    "lost": ([write("a", 0, 1), write("b", 2, 3)], [read("a", 4, 5)]),
    "stale": ([write("a", 0, 1), write("b", 2, 6)], [read("b", 3, 4), read("a", 5, 7)]),
    "back and forth": (
        [write("a", 0, 4), write("b", 0, 4)],
        [read("a", 5, 6), read("b", 7, 8), read("a", 9, 10)],
    ),
    "unknown, seen and gone": (
        [write("a", 0, 1), write("b", 2, 3, Outcome.UNKNOWN)],
        [read("b", 4, 5), read("a", 6, 7)],
    ),
    "from the future": ([write("a", 0, 1), write("b", 6, 7)], [read("b", 2, 3)]),
    "refused and seen": ([write("a", 0, 1), write("b", 2, 3, Outcome.REFUSED)], [read("b", 4, 5)]),
    "out of nothing": ([write("a", 0, 1)], [read("b", 4, 5)]),
}


@pytest.mark.parametrize("name", SOUND)
def test_an_atomic_register_is_sound(name: str):
    assert check_registers(*SOUND[name]) == []


@pytest.mark.parametrize("name", WRONG)
def test_a_register_that_is_not_atomic_is_found(name: str):
    assert check_registers(*WRONG[name]) != []


times = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda pair: sorted(map(float, pair)))


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Write], list[Read]]:
    outcomes = st.sampled_from([Outcome.DONE, Outcome.DONE, Outcome.UNKNOWN])
    spread = iter(itertools.count())  # no two moments are the same
    first = write("0", -2.0, -1.0)

    def moments() -> tuple[float, float]:
        began, ended = draw(times)
        return began + next(spread) / 1_000, ended + 0.5 + next(spread) / 1_000

    writes = [write(str(n), *moments(), draw(outcomes)) for n in range(1, draw(st.integers(1, 4)))]
    values = st.sampled_from([each.value for each in [first, *writes]])
    reads = [read(draw(values), *moments()) for _ in range(draw(st.integers(0, 4)))]
    return [first, *writes], reads


@settings(max_examples=100, deadline=None)
@given(histories())
def test_the_check_agrees_with_trying_every_order(history: tuple[list[Write], list[Read]]):
    writes, reads = history

    assert (check_registers(writes, reads) == []) is has_order(writes, reads)


def has_order(writes: Sequence[Write], reads: Sequence[Read]) -> bool:
    """Whether an order of the operations, which keeps what ended before another began, explains them."""
    remaining: list[tuple[Write | Read, float]] = [
        (each, each.ended if each.outcome is Outcome.DONE else math.inf) for each in writes
    ]
    remaining += [(each, each.ended) for each in reads]

    def search(left: frozenset[int], value: str | None) -> bool:
        if all(
            isinstance(op := remaining[n][0], Write) and op.outcome is not Outcome.DONE
            for n in left
        ):
            return True  # what is unknown need not have been done
        first_end = min(remaining[number][1] for number in left)
        for number in left:
            operation, _ = remaining[number]
            if operation.began > first_end:
                continue
            if isinstance(operation, Read) and operation.value != value:
                continue
            now = operation.value
            if search(left - {number}, now):
                return True
        return False

    return search(frozenset(range(len(remaining))), None)
