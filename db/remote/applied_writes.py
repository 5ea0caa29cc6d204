"""The guard of each batch that writes over HTTP: sent twice, it applies once, and what it wrote can be asked.

Its first statement inserts a random identifier, which conflicts if the batch was applied before; the engine
then stores nothing of it. It also conflicts if a newer version has migrated the database.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from db import newer_version
from db.model import instants
from db.model.retention import LAST_PRUNED, NEWEST_CHANGE
from db.program import Rows
from db.remote.transport import Bound

# Its row has to have a time, and has none there: that fails before the key conflicts.
GUARD = f"""
    INSERT INTO applied_writes (operation, at)
    VALUES (:operation, CASE WHEN {newer_version.NEWEST} > :newest THEN NULL ELSE :at END)
"""
NEWER = "applied_writes.at"  # what every engine says then
CONFLICT = "applied_writes.operation"  # what every engine says of a second one
# With the truth of changes(), which the next statement may ask for: 0 stays 0, and more becomes 1.
RECORD = """
    UPDATE applied_writes SET wrote = wrote || :place WHERE operation = :operation AND changes() > 0
"""
FIND = "SELECT wrote FROM applied_writes WHERE operation = :operation"
STATE = f"""
    SELECT
        (SELECT coalesce(max(number), 0) FROM applied_writes) AS number,
        {NEWEST_CHANGE} AS newest,
        {LAST_PRUNED} AS pruned
"""

# Each hundredth batch of a process looks at this many of the oldest, so that no more than some remain.
REMOVE_EVERY = 100
KEPT_SECONDS = 3_600
REMOVE_OLD = """
    DELETE FROM applied_writes
    WHERE number IN (SELECT number FROM applied_writes ORDER BY number LIMIT 1000)
      AND number < (SELECT max(number) FROM applied_writes) AND at < :before
"""


@dataclass(frozen=True, slots=True)
class State:
    """What the database held: `number` counts the writes over HTTP, the others are sequence numbers."""

    number: int
    newest: int
    pruned: int

    @classmethod
    def of(cls, rows: Rows) -> "State":
        ((number, newest, pruned),) = rows
        return cls(int(str(number)), int(str(newest)), int(str(pruned)))

    @property
    def token(self) -> bytes:
        return b"%d.%d.%d" % (self.number, self.newest, self.pruned)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One batch, however often it is sent."""

    operation: str

    @classmethod
    def new(cls) -> "Attempt":
        return cls(uuid.uuid4().hex)

    def guard(self, newest: str = newer_version.ANY) -> Bound:
        """`newest` is as for newer_version."""
        bind = {"operation": self.operation, "at": instants.now(), "newest": newest}
        return Bound(GUARD, bind)

    def record(self, program: int, statement: int) -> Bound:
        """Stands after the statement of the program that returns the rows it has written."""
        place = f"{program}.{statement} "
        return Bound(RECORD, {"operation": self.operation, "place": place})

    def find(self) -> Bound:
        return Bound(FIND, {"operation": self.operation})


def places(found: Rows) -> frozenset[tuple[int, int]] | None:
    """The programs and statements that have written; None if the batch was not applied."""
    if not found:
        return None
    ((wrote,),) = found
    pairs = (each.split(".") for each in str(wrote).split())
    return frozenset((int(program), int(statement)) for program, statement in pairs)


def is_conflict(error: Exception) -> bool:
    return CONFLICT in str(error)


def is_of_newer_version(error: Exception) -> bool:
    return NEWER in str(error)


def size(batch: Sequence[Bound]) -> int:
    """The bytes that a batch sends, about: what escapes and names of parameters add is not in it."""
    return sum(
        len(each.sql) + sum(len(str(value)) + 8 for value in each.bind.values()) for each in batch
    )


def remove_old() -> Bound:
    before = datetime.now(UTC) - timedelta(seconds=KEPT_SECONDS)
    return Bound(REMOVE_OLD, {"before": instants.canonical(before)})
