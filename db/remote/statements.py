"""What a Program's batch becomes on an engine over HTTP, and which rows belong to which of its statements."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from db.program import Batch, Rows, Statement
from db.remote.applied_writes import Attempt
from db.remote.transport import Bound
from db.security.row_security import RowSecurity

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
            sent.batch.append(Bound(*security.of(statement)))
            continue
        if has_returning:
            own.places.append(len(sent.batch))
            sent.batch.append(Bound(*security.of(statement)))
        else:
            sent.batch.append(Bound(*security.of(replace(statement, returning=""))))
            own.places.append(len(sent.batch))
            sent.batch.append(Bound(*security.of(_written(statement, "changes() > 0"))))
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
        batch.append(Bound(*security.of(found)))
    return batch


NOTHING = Statement("SELECT NULL WHERE FALSE")


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
