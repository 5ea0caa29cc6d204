"""The interface of every database engine. Nothing above `db/` knows which engine it uses."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from db.attribution import Attribution
from db.consistency import NOW, At
from db.program import Program
from db.security.row_security import UNRESTRICTED, RowSecurity

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Statistics:
    """How busy and how large a database is now."""

    readers: int
    readers_in_use: int
    reads_waiting: int
    longest_read_wait: float  # seconds, of the read that has been waiting longest
    reads_refused: Mapping[str, int]  # by reason: wait, queue_full, share, log_size
    writes_waiting: int
    longest_write_wait: float
    writes_refused: Mapping[str, int]  # by reason: wait, queue_full
    groups: Mapping[int, int]  # transactions by the number of writes that shared one
    bytes_on_disk: int
    log_bytes: int  # of the write-ahead log, which is not part of bytes_on_disk
    log_blocked_seconds: float  # since when something keeps the log from being emptied


class Session(Protocol):
    """One snapshot, which an operation borrows: all Programs in it see the same rows."""

    is_short: bool
    """Whether it is likely to be given back soon; whoever has borrowed it may say so."""

    is_torn: bool
    """Whether its Programs have seen different states: an engine over HTTP has a snapshot for each batch."""

    async def run(self, program: Program[T], *, last: bool = False) -> T:
        """Run a Program; `last` ends the snapshot unless the Program raises.

        Raises ReadTimeout if the session has used up its time, Overloaded if it was stopped for the sake of
        others, Unavailable if the database cannot be read now, and EngineError if a statement fails.
        """
        ...


class Database(Protocol):
    """Runs Programs against one migrated database, each with the rights of a RowSecurity."""

    has_copies: bool
    """Whether several machines hold it: a read at NONE may then be older than `change_token` says, and the
    batches of a Program see different states, as only a Session tells.
    """

    async def read(
        self,
        program: Program[T],
        security: RowSecurity = UNRESTRICTED,
        *,
        few: bool = False,
        at: At = NOW,
    ) -> T:
        """Run a Program in a snapshot of its own; raises like Session.run.

        `few` promises a few rows by key: SQLite reads them without a hop to another thread, and raises
        EngineError if the database is locked now.
        """
        ...

    async def read_short(
        self, program: Program[T], security: RowSecurity = UNRESTRICTED, *, at: At = NOW
    ) -> T:
        """Run a Program that is likely to be short; raises like Session.run.

        SQLite reads on the event loop, and raises NeedsThread if that takes too long or the database is
        locked. A part of the Program may have run by then.
        """
        ...

    async def write(
        self,
        program: Program[T],
        security: RowSecurity = UNRESTRICTED,
        *,
        share: str = "",
        attribution: Attribution | None = None,
    ) -> T:
        """Run a Program of one batch in a transaction; return its result once it is durable.

        `share` names who writes: where many wait, shares take turns. Changes of the registry's rows are
        recorded with the `attribution`, without one as another program's. If the Program raises, nothing is
        written. Raises Overloaded if its turn did not come in time, Locked if another program writes for
        too long, Unavailable if the database cannot be written now, EngineError if a statement fails, and
        OutcomeUnknown if an engine over HTTP has not said whether it was applied.
        """
        ...

    async def borrow(
        self, security: RowSecurity = UNRESTRICTED, *, share: str = "", at: At = NOW
    ) -> Session:
        """Borrow a Session, which the caller gives back.

        `share` names who reads: while others wait, no share has more than half of the database. Raises
        Overloaded if its turn does not come in time, and Unavailable if the database is closing.
        """
        ...

    def give_back(self, session: Session) -> None:
        """Take a Session back and stop what runs in it."""
        ...

    async def change_token(self, *, within: float = 0.0) -> bytes | None:
        """Bytes that differ after every commit of any program; None if they are not known now.

        Later reads see this state or a newer one. An engine over HTTP may give bytes that were so at most
        `within` seconds ago, if no write of this process came since. It raises Unavailable if it cannot be
        reached: whoever read on would wait in vain once more.
        """
        ...

    async def mark(self) -> int:
        """A number that covers all writes which this process was told of: see At. 0 if none is needed."""
        ...

    def follow(self, after: int) -> AsyncGenerator[int]:
        """Yield the newest change's sequence number each time that it has grown, at first beyond `after`.

        Commits of this process are told at once, those of others within 250 ms. Later reads see that
        change. It ends when the database closes, and raises Unavailable if others can be seen no more.
        """
        ...

    def reads_long(self) -> bool:
        """Whether a Session is lent that may be needed for long: `read_short` would hold it up."""
        ...

    def reads_waiting(self) -> int:
        """How many reads wait for their turn. It is no coroutine, since each request may need it."""
        ...

    async def pending(self) -> list[str]:
        """The migrations and triggers of the history that the database lacks.

        Raises Unavailable, EngineError, BootRefused or OSError.
        """
        ...

    def statistics(self) -> Statistics: ...

    async def close(self) -> None:
        """Finish waiting writes, stop reads, and close every connection."""
        ...
