"""The two ends of a move: a file, or an engine over HTTP, that runs batches of statements."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from db.consistency import At, Level
from db.database_url import Address
from db.errors import BootRefused, EngineError, EngineLimit, PartlyApplied, Unavailable
from db.migrating import migrator, remote_opening
from db.program import Rows
from db.remote.transport import Bound, Limits, Transport
from db.sqlite import file_checks
from db.sqlite.damage import Extent

T = TypeVar("T")

OF_FILES = Limits(
    engine="SQLite",
    has_returning=True,
    largest_integer=2**63 - 1,
    statement_bytes=10**9,
    value_bytes=10**9,
    batch_bytes=10**9,
    batch_statements=10**6,
)
BATCH_SECONDS = 60.0
PATIENT_SECONDS = 60.0  # an election takes two or three
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
DATA_VERSION = "PRAGMA data_version"
CHECKED_BY_STATEMENTS = (sqlite3.IntegrityError, sqlite3.DataError)


class End(Protocol):
    """Where a registry is, or comes to. Batches run in one transaction each."""

    name: str
    """As messages name it, without a password."""
    limits: Limits

    async def read(self, *batch: Bound) -> list[Rows]:
        """The rows of each statement; raises BootRefused, EngineError or Unavailable."""
        ...

    async def write(self, *batch: Bound) -> list[Rows]:
        """Like `read`, but durable; raises EngineError, with nothing stored, for a row that does not fit.

        A batch may be applied twice, if the engine answers late.
        """
        ...

    async def renew(self) -> bool:
        """Read the newest state from now on; whether it may be another than before.

        False for an engine that has no snapshot over several batches: its state is compared instead.
        """
        ...

    async def migrate(self) -> None:
        """Apply pending migrations; raises BootRefused."""
        ...


class FileEnd:
    """A file: as a source it is read in one snapshot, beside a server that writes to it or not."""

    limits = OF_FILES

    def __init__(
        self, path: Path, connection: sqlite3.Connection, watch: sqlite3.Connection | None = None
    ) -> None:
        self.name = str(path)
        self._path = path
        self._connection = connection
        self._watch = watch
        self._version = self._data_version()

    async def read(self, *batch: Bound) -> list[Rows]:
        await asyncio.sleep(0)  # where Ctrl-C ends the move
        with file_checks.refusing(self._path):
            return [self._connection.execute(each.sql, each.bind).fetchall() for each in batch]

    async def write(self, *batch: Bound) -> list[Rows]:
        await asyncio.sleep(0)
        with file_checks.refusing(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                rows = [self._connection.execute(each.sql, each.bind).fetchall() for each in batch]
                self._connection.execute("COMMIT")
            except CHECKED_BY_STATEMENTS as error:
                raise EngineError(str(error)) from error
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
        return rows

    async def renew(self) -> bool:
        version = self._data_version()
        if version == self._version:
            return False
        self._version = version
        with file_checks.refusing(self._path):
            self._connection.execute("ROLLBACK")
            self._connection.execute("BEGIN")
        return True

    async def migrate(self) -> None:
        migrator.migrate(self._path)

    def _data_version(self) -> int:
        if self._watch is None:
            return 0
        (version,) = self._watch.execute(DATA_VERSION).fetchone()
        return int(version)


@contextmanager
def file_source(path: Path) -> Iterator[FileEnd]:
    """A file of the present version, in one snapshot; raises BootRefused if it is none or is damaged."""
    file = path.resolve()
    status = migrator.inspect(file, extent=Extent.WHOLE)
    if not status.exists:
        raise BootRefused(f"{file} does not exist: name the registry to move")
    if status.pending or status.unrecorded:
        lacks = [*status.pending, *status.unrecorded][0]
        raise BootRefused(f"{file} still lacks {lacks}: run `chittygraph migrate` first")
    with file_checks.reading(file) as watch, file_checks.reading(file) as connection:
        watch.execute(DATA_VERSION)
        connection.text_factory = _decode
        connection.execute("BEGIN")
        end = FileEnd(file, connection, watch)
        yield end


@contextmanager
def file_target(path: Path) -> Iterator[FileEnd]:
    """A file, made where there is none; raises BootRefused if it cannot be written."""
    file = path.resolve()
    if not file_checks.exists(file):
        migrator.migrate(file)
    file_checks.require_usable(file, writable=True)
    with file_checks.refusing(file):
        connection = file_checks.connect(file, "rw")
    with closing(connection):
        with file_checks.refusing(file):
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        connection.text_factory = _decode
        yield FileEnd(file, connection)


def _decode(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogateescape")


class RemoteEnd:
    """An engine over HTTP. It may be away for a while, as during an election: batches are sent again."""

    def __init__(self, address: Address, transport: Transport) -> None:
        self.name = str(address)
        self.limits = transport.limits
        self._address = address
        self._transport = transport

    async def read(self, *batch: Bound) -> list[Rows]:
        return await self._send(batch, write=False)

    async def write(self, *batch: Bound) -> list[Rows]:
        return await self._send(batch, write=True)

    async def renew(self) -> bool:
        return False

    async def migrate(self) -> None:
        await remote_opening.boot(self._transport, self._address)

    async def _send(self, batch: Sequence[Bound], *, write: bool) -> list[Rows]:
        at = At(Level.STRONG)
        try:
            return await patiently(
                lambda: self._transport.send(batch, write=write, at=at, seconds=BATCH_SECONDS)
            )
        except EngineLimit as error:
            raise EngineError(str(error)) from error


async def patiently(send: Callable[[], Awaitable[T]]) -> T:
    """Send until an answer comes, for a minute; raises the last Unavailable, and PartlyApplied at once."""
    deadline, pause = time.monotonic() + PATIENT_SECONDS, FIRST_PAUSE
    while True:
        try:
            return await send()
        except PartlyApplied:
            raise
        except Unavailable:
            if time.monotonic() + pause > deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
