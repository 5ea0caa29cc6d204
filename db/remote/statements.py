"""What a Program's batch becomes on an engine over HTTP, and which rows belong to which of its statements."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from db.program import CACHED_TEXTS, Batch, Rows, Statement
from db.remote.applied_writes import Attempt
from db.remote.transport import Bound
from db.security.row_security import RowSecurity

PARAMETER = re.compile(r":(\w+)")
READS = re.compile(r"\s*(?:SELECT|VALUES)\b", re.IGNORECASE)


@dataclass(slots=True)
class Sent:
    """A batch to be sent; `places` says where the rows of each statement of the Program's batch come."""

    batch: list[Bound] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    def rows_of(self, program: Batch, results: Sequence[Rows]) -> list[Rows]:
        """The rows that the Program is sent for its batch, from the results of all that was sent."""
        return without_needless(program, [results[place] for place in self.places])


def to_read(program: Batch, security: RowSecurity) -> list[Bound]:
    return [Bound(*security.of(statement)) for statement in program]


def to_write(
    sent: Sent,
    program: Batch,
    security: RowSecurity,
    attempt: Attempt,
    number: int,
    *,
    has_returning: bool,
) -> Sent:
    """Add the statements of the batch's program with this number; returns which of `sent` are theirs."""
    own = Sent(sent.batch)
    for place, statement in enumerate(program):
        if not statement.returning:
            own.places.append(len(sent.batch))
            sent.batch.append(_bound(security, statement))
            continue
        if has_returning:
            own.places.append(len(sent.batch))
            sent.batch.append(_bound(security, statement))
        else:
            sent.batch.append(_bound(security, replace(statement, returning="")))
            own.places.append(len(sent.batch))
            sent.batch.append(_bound(security, _written(statement, "changes() > 0")))
        sent.batch.append(attempt.record(number, place))
    return own


def to_find_again(program: Batch, security: RowSecurity, wrote: Collection[int]) -> list[Bound]:
    """Reads what a batch returned that was applied; `wrote` are those of its statements that have written."""
    batch = []
    for place, statement in enumerate(program):
        if statement.returning:
            found = _written(statement, "TRUE" if place in wrote else "FALSE")
        elif READS.match(statement.sql):
            found = statement
        else:
            found = NOTHING
        batch.append(_bound(security, found))
    return batch


NOTHING = Statement("SELECT NULL WHERE FALSE")


def _bound(security: RowSecurity, statement: Statement) -> Bound:
    """With the values that it uses: a mutation's statements share theirs, and each is sent with its own."""
    sql, bind = security.of(statement)
    names = _names(sql)
    return Bound(sql, {name: value for name, value in bind.items() if name in names})


@lru_cache(CACHED_TEXTS)
def _names(sql: str) -> frozenset[str]:
    """The names of its parameters, and of what looks like one in its literals."""
    return frozenset(PARAMETER.findall(sql))


def _written(statement: Statement, condition: str) -> Statement:
    """Selects what the statement returns, as the engine itself cannot, or not any more."""
    rows = f"SELECT {statement.returning} FROM {statement.of}"
    return Statement(f"SELECT * FROM ({rows}) WHERE {condition}", statement.bind)


def without_needless(program: Batch, results: Sequence[Rows]) -> list[Rows]:
    """See Statement.explains: what explains a write that was not refused explains nothing."""
    rows: list[Rows] = []
    for statement, found in zip(program, results, strict=True):
        rows.append([] if statement.explains and rows and rows[-1] else found)
    return rows
