"""The interface of engines reached over HTTP: how one atomic batch of statements reaches one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from db.consistency import At
from db.program import Rows, Value


@dataclass(frozen=True, slots=True)
class Bound:
    """One SQL statement without placeholders of RowSecurity, and the values of its named parameters."""

    sql: str
    bind: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Limits:
    """What an engine cannot do that SQLite can."""

    engine: str  # as messages name it
    has_returning: bool  # whether a statement that writes returns the rows of its RETURNING clause
    largest_integer: int  # beyond it, and below its negative, integers lose digits
    statement_bytes: int
    value_bytes: int  # of one text, bound or returned
    batch_bytes: int  # of all that one batch sends
    batch_statements: int


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What an engine says of itself, for boot, status and doctor."""

    version: str | None  # None if it cannot be known
    warning: str | None  # what is wrong with this version, and what to do
    bytes_on_disk: int
    refusal: str | None = None  # why it must not be used as it is set up, and what to do


class Transport(Protocol):
    """Sends batches to one engine. All errors say what happened in the engine's name, never its password."""

    limits: Limits

    async def send(
        self, batch: Sequence[Bound], *, write: bool, at: At, seconds: float
    ) -> list[Rows]:
        """Run a batch in one transaction, within `seconds`; the rows of each statement, in order.

        A read sees one snapshot. Raises EngineError if a statement fails and EngineLimit if it is too large
        or too deep (nothing of the batch is stored then), Unavailable if no node has taken it,
        OutcomeUnknown if a node may have, and for a read ReadTimeout if it took too long.
        """
        ...

    async def migrate(self, batch: Sequence[Bound]) -> bool:
        """Run a migration in one transaction; False, with nothing stored, if another has run it before.

        The first statement records it in the ledger, whose key conflicts in that case. Raises like `send`,
        and EngineError names the statement that failed by its number, from 1 on.
        """
        ...

    async def status(self, seconds: float) -> EngineStatus:
        """Raises Unavailable."""
        ...

    async def close(self) -> None: ...
