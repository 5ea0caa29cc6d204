"""Where the log of changes begins and ends: the table `changes`, which triggers fill."""

from dataclasses import dataclass

from db.model.retention import LAST_PRUNED, NEWEST_CHANGE
from db.program import Program, Statement

EXTENT = f"SELECT {LAST_PRUNED}, {NEWEST_CHANGE}"
NEWEST = f"SELECT {NEWEST_CHANGE}"


@dataclass(frozen=True, slots=True)
class LogExtent:
    """The changes that are retained: those after the sequence number `before`, up to `newest`."""

    before: int
    newest: int


def newest() -> Program[int]:
    """The sequence number of the newest change; 0 if there is none."""
    ([(sequence,)],) = yield [Statement(NEWEST)]
    return int(str(sequence))


def extent() -> Program[LogExtent]:
    ([(before, newest)],) = yield [Statement(EXTENT)]
    return LogExtent(int(str(before)), int(str(newest)))
