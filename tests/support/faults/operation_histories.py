"""Histories of what clients did to a set and to registers, and what is wrong with them.

A set is checked by what it holds in the end. A register is checked for atomicity: there must be an order of
all its operations, each at one moment between its begin and its end, in which each read sees the last write.
Where all values differ, Gibbons and Korach ("Testing Shared Memories", 1997) decide that exactly from the
zone of each value: the time between the first end and the last begin of the operations that wrote or read it.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise


class Outcome(Enum):
    DONE = "done"
    REFUSED = "refused"  # and so never to be seen
    UNKNOWN = "unknown"  # it may have been done, or may be yet


@dataclass(frozen=True, slots=True)
class Write:
    """A value that was added to a set, or given to the register `key`; no other write has the same one."""

    key: str
    value: str
    began: float
    ended: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Read:
    key: str
    value: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class SetProblems:
    lost: frozenset[str]  # acknowledged, and not there
    repeated: frozenset[str]  # there more than once
    unwanted: frozenset[str]  # there, though refused or never written


def check_set(writes: Iterable[Write], found: Iterable[str]) -> SetProblems:
    """Compare what the set holds in the end with what was added to it."""
    outcomes = {write.value: write.outcome for write in writes}
    counted = Counter(found)
    allowed = {value for value, outcome in outcomes.items() if outcome is not Outcome.REFUSED}
    done = {value for value, outcome in outcomes.items() if outcome is Outcome.DONE}
    return SetProblems(
        lost=frozenset(done - counted.keys()),
        repeated=frozenset(value for value, times in counted.items() if times > 1),
        unwanted=frozenset(counted.keys() - allowed),
    )


def check_registers(writes: Sequence[Write], reads: Sequence[Read]) -> list[str]:
    """What is wrong, in words. The first write of each register is the one that began first."""
    of_key: dict[str, tuple[list[Write], list[Read]]] = defaultdict(lambda: ([], []))
    for write in writes:
        of_key[write.key][0].append(write)
    for read in reads:
        of_key[read.key][1].append(read)
    return [f"{key}: {problem}" for key, own in of_key.items() for problem in _check_register(*own)]


@dataclass(frozen=True, slots=True)
class _Zone:
    """`ended` is when the first operation with the value ended, `began` when the last one began."""

    value: str
    ended: float
    began: float

    @property
    def is_forward(self) -> bool:
        """Whether the register had the value all the time from `ended` to `began`."""
        return self.ended < self.began


def _check_register(writes: list[Write], reads: list[Read]) -> list[str]:
    by_value = {write.value: write for write in writes}
    read_by_value: dict[str, list[Read]] = defaultdict(list)
    problems = []
    for read in reads:
        write = by_value.get(read.value)
        if write is None:
            problems.append(f"{read.value} was read and never written")
        elif write.outcome is Outcome.REFUSED:
            problems.append(f"{read.value} was read, and its write had been refused")
        elif read.ended < write.began:
            problems.append(f"{read.value} was read before it was written")
        read_by_value[read.value].append(read)
    zones = [
        _zone(write, read_by_value[write.value])
        for write in writes
        if write.outcome is Outcome.DONE or read_by_value[write.value]
    ]
    return problems + list(_contradictions(zones))


def _zone(write: Write, reads: list[Read]) -> _Zone:
    ended = write.ended if write.outcome is Outcome.DONE else math.inf
    return _Zone(
        write.value,
        min([ended, *(read.ended for read in reads)]),
        max([write.began, *(read.began for read in reads)]),
    )


def _contradictions(zones: list[_Zone]) -> Iterable[str]:
    forward = sorted((zone for zone in zones if zone.is_forward), key=lambda zone: zone.ended)
    for one, other in pairwise(forward):
        if other.ended < one.began:
            yield f"{one.value} and {other.value} were both there at one time"
    for zone in zones:
        for around in () if zone.is_forward else forward:
            if around.ended < zone.began and zone.ended < around.began:
                yield f"{zone.value} was written and gone while {around.value} was there"
