"""Removes old changes, a portion at a time, so that no row loses the state that later changes build on.

Of each row that is still there at the cut, its last change becomes its base. The newest change of all stays,
since sequence numbers continue from it. Portions may be cut by several programs at once: each is cut only if
the checkpoint is still where it was when the portion was read.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import takewhile

from db import patience
from db.database import Database
from db.history import append_only
from db.history.change_lines import LINE, line_of
from db.model import instants
from db.model.retention import LAST_PRUNED, NEWEST_CHANGE
from db.program import Program, Statement, Value, rows

BASE = "prune"
"""The cause of a base."""
PORTION = 2_000
"""The most changes that are cut in one transaction."""
FEWEST = 50
SECONDS_PER_PORTION = 0.05
"""What a transaction should take: fewer changes are cut in the next one after one that took longer."""


@dataclass(frozen=True, slots=True)
class Portion:
    """The changes after `first` up to and including `last`, and the digest of all up to there."""

    first: int
    last: int
    digest: str


# Read in order, and cut before the first change at or after the time: a clock that was set back leaves older
# times after it, which are kept with it.
DUE = f"""
    SELECT change.sequence, change.at, {LINE}
    FROM changes AS change
    WHERE change.sequence > {LAST_PRUNED} AND change.sequence < {NEWEST_CHANGE}
    ORDER BY change.sequence LIMIT :most
"""
CHECKPOINT = "SELECT sequence, digest FROM checkpoint"


def next_portion(before: str, most: int = PORTION) -> Program[Portion | None]:
    """The next changes to cut that are older than a canonical instant; None if there are none."""
    checkpoint, due = yield [Statement(CHECKPOINT), Statement(DUE, {"most": most})]
    first, text = (int(str(checkpoint[0][0])), str(checkpoint[0][1])) if checkpoint else (0, "")
    last, digest = first, bytes.fromhex(text)
    for sequence, at, line in due:
        if not _is_before(at, before):
            break
        last, digest = int(str(sequence)), hashlib.sha256(digest + line_of(line)).digest()
    return Portion(first, last, digest.hex()) if last > first else None


STILL_THERE = "coalesce((SELECT sequence FROM checkpoint), 0) = :first"
BEGIN = """
    INSERT INTO checkpoint (place, sequence, at, removed, digest)
    SELECT 1, 0, :now, 0, ''
    WHERE :first = 0 AND NOT EXISTS (SELECT 1 FROM checkpoint)
"""
DELETE_OLD_BASES = f"""
    DELETE FROM changes WHERE {STILL_THERE} AND sequence IN (
        SELECT base.sequence
        FROM changes AS later JOIN changes AS base ON base.kind = later.kind AND base.key = later.key
        WHERE later.sequence > :first AND later.sequence <= :last AND base.sequence <= :first
    )
"""
IS_LAST = """
    after IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM changes AS later
        WHERE later.kind = changes.kind AND later.key = changes.key
            AND later.sequence > changes.sequence AND later.sequence <= :last
    )
"""
DELETE_OTHERS = f"""
    DELETE FROM changes
    WHERE {STILL_THERE} AND sequence > :first AND sequence <= :last AND NOT ({IS_LAST})
"""
KEEP_BASES = f"""
    UPDATE changes
    SET operation = 'created', cause = '{BASE}', actor = NULL, request_id = NULL, is_private = FALSE,
        before = NULL
    WHERE {STILL_THERE} AND sequence > :first AND sequence <= :last
"""
COUNT = f"UPDATE checkpoint SET removed = removed + changes() WHERE {STILL_THERE}"
ADVANCE = f"""
    UPDATE checkpoint SET sequence = :last, at = :now, digest = :digest WHERE {STILL_THERE}
"""


def cut(portion: Portion) -> Program[bool]:
    """Cut a portion in one transaction; False if another program has cut it first."""
    bind: dict[str, Value] = {"first": portion.first, "last": portion.last}
    now = instants.now()
    batch = append_only.lifted(
        [
            Statement(BEGIN, {"first": portion.first, "now": now}),
            Statement(DELETE_OLD_BASES, bind),
            Statement(COUNT, {"first": portion.first}),
            Statement(DELETE_OTHERS, bind),
            Statement(COUNT, {"first": portion.first}),
            Statement(KEEP_BASES, bind),
            Statement(
                ADVANCE,
                {**bind, "now": now, "digest": portion.digest},
                returning="sequence",
                of="checkpoint WHERE sequence = :last",
            ),
        ]
    )
    results = yield batch
    return bool(results[-1 - len(append_only.RESTORE)])


@dataclass(slots=True)
class Pace:
    """How many changes are cut in one transaction: as many as others can wait for."""

    most: int = PORTION
    portion: int = 10 * FEWEST

    def took(self, seconds: float) -> None:
        """Adapt the next portion to what the last one took."""
        if seconds > SECONDS_PER_PORTION:
            self.portion = max(self.portion // 2, FEWEST)
        elif seconds < SECONDS_PER_PORTION / 2:
            self.portion = self.portion * 2
        self.portion = min(self.portion, self.most)


async def prune_portion(db: Database, before: str, pace: Pace) -> int | None:
    """Cut the next changes that are older than a canonical instant, and give others as long to write.

    Returns how many: 0 if another program was first, None if there are none. Raises like `patience.write`.
    """
    portion = await db.read(next_portion(before, min(pace.portion, pace.most)))
    if portion is None:
        return None
    began = time.monotonic()
    is_cut = await patience.write(db, partial(cut, portion))
    seconds = time.monotonic() - began
    pace.took(seconds)
    await asyncio.sleep(seconds)
    return portion.last - portion.first if is_cut else 0


async def prune(
    db: Database, before: str, *, most: int = PORTION, tell: Callable[[int], None] = lambda _: None
) -> int:
    """Cut all that is older than a canonical instant; returns how many changes. Raises like `patience.write`.

    `tell` is called with the number of changes of each portion, which are `most` at most.
    """
    pace, done = Pace(most), 0
    while (count := await prune_portion(db, before, pace)) is not None:
        done += count
        tell(count)
    return done


TIMES = f"""
    SELECT sequence, at FROM changes
    WHERE sequence > :after AND sequence < {NEWEST_CHANGE}
    ORDER BY sequence LIMIT :most
"""
WOULD_KEEP = """
    SELECT count(*) FROM changes
    WHERE sequence <= :last AND after IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM changes AS later
        WHERE later.kind = changes.kind AND later.key = changes.key
            AND later.sequence > changes.sequence AND later.sequence <= :last
    )
"""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The last change that pruning would cut, how many changes it would cut, and the bases afterwards."""

    last: int
    changes: int
    bases: int


async def foresee(db: Database, before: str, *, most: int = 20 * PORTION) -> Forecast:
    """What `prune` would do, read in portions that hold up nobody."""
    checkpoint = await db.read(rows(Statement(CHECKPOINT)))
    first = last = int(str(checkpoint[0][0])) if checkpoint else 0
    while True:
        times = await db.read(rows(Statement(TIMES, {"after": last, "most": most})))
        due = [
            int(str(sequence))
            for sequence, _ in takewhile(lambda row: _is_before(row[1], before), times)
        ]
        last = due[-1] if due else last
        if len(due) < most:
            break
    ((bases,),) = await db.read(rows(Statement(WOULD_KEEP, {"last": last})))
    return Forecast(last, last - first, int(str(bases)))


def _is_before(at: Value, instant: str) -> bool:
    return isinstance(at, str) and at < instant
