"""The interface of every database engine. Nothing above `db/` knows which engine it uses."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from db.program import Program
from db.security.row_security import UNRESTRICTED, RowSecurity

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Statistics:
    """How busy and how large a database is now.

    `groups` counts this process's transactions so far by the number of writes that shared one.
    `bytes_on_disk` is the size of the data, `log_bytes` that of the log that is not part of it yet.
    """

    readers: int
    readers_in_use: int
    writes_waiting: int
    groups: Mapping[int, int]
    bytes_on_disk: int
    log_bytes: int


class Session(Protocol):
    """One snapshot of the database, which an operation borrows: all Programs in it see the same rows."""

    async def run(self, program: Program[T], *, last: bool = False) -> T:
        """Run a Program in this snapshot, which `last` ends unless the Program raises.

        Raises ReadTimeout if the session has used up its time, Unavailable if the database cannot be
        read now, and EngineError if a statement fails.
        """
        ...


class Database(Protocol):
    """Runs Programs against one migrated database, each with the rights of a RowSecurity.

    Without one, a Program runs with the rights of the server itself: all of them.
    """

    async def read(
        self, program: Program[T], security: RowSecurity = UNRESTRICTED, *, few: bool = False
    ) -> T:
        """Run a Program in a snapshot of its own.

        `few` promises that it reads a few rows by key: SQLite then reads them at once, without a hop
        to another thread. Raises ReadTimeout, Unavailable and EngineError like Session.run; with `few`,
        EngineError also if the database is locked at this moment.
        """
        ...

    async def write(self, program: Program[T], security: RowSecurity = UNRESTRICTED) -> T:
        """Run a Program of one batch in a transaction; return its result once it is durable.

        If the Program raises, nothing is written. Raises Unavailable if the database cannot be written
        now, and EngineError if a statement fails.
        """
        ...

    def snapshot(
        self, security: RowSecurity = UNRESTRICTED
    ) -> AbstractAsyncContextManager[Session]:
        """Borrow a Session for the length of a block."""
        ...

    async def borrow(self, security: RowSecurity = UNRESTRICTED) -> Session:
        """Borrow a Session, which must be given back; raises Unavailable if the database is closing."""
        ...

    def give_back(self, session: Session) -> None:
        """Take a Session back; what still runs in it stops."""
        ...

    def change_token(self) -> bytes | None:
        """Bytes that differ after every commit of any program; None if they cannot be told now.

        What is read afterwards is of this state or a later one. It is not a coroutine: each request asks
        for it, SQLite knows it without waiting, and another engine answers with the last one it saw.
        """
        ...

    async def pending(self) -> list[str]:
        """The migrations that the database still lacks.

        Raises Unavailable, EngineError, BootRefused or OSError if the database cannot be read.
        """
        ...

    def statistics(self) -> Statistics:
        """How busy and how large the database is."""
        ...

    async def close(self) -> None:
        """Write what is waiting, stop what is being read, and close every connection."""
        ...
