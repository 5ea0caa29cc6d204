"""An engine over HTTP without HTTP: each batch is a transaction, committed before its rows are seen.

It has a copy that is as old as a test wants, and loses the answers that a test wants to be lost.
"""

import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from db.consistency import At, Level
from db.errors import (
    EngineError,
    EngineLimit,
    ErrorCode,
    OutcomeUnknown,
    Problem,
    Refused,
    Unavailable,
)
from db.program import Rows
from db.remote.database import RemoteDatabase
from db.remote.transport import Bound, EngineStatus, Limits
from server import service
from server.app import create_app
from server.settings import Settings
from tests.support.registries.databases import UNHURRIED, registry_at
from tests.support.services.api import Api
from tests.support.services.asgi_client import AsgiClient

LIMITS = Limits(
    engine="SQLite",
    has_returning=False,
    largest_integer=2**63 - 1,
    statement_bytes=10**6,
    value_bytes=10**8,
    batch_bytes=10**8,
    batch_statements=10_000,
)


class SQLiteTransport:
    """`before_read` is awaited before each batch of reads; `limits` may be changed, as engines differ."""

    def __init__(self, file: Path) -> None:
        self.limits = LIMITS
        self._leader = _connected(file)
        self._follower = sqlite3.connect(":memory:", isolation_level=None)
        self.catch_up()
        self.sent: list[
            tuple[bool, At]
        ] = []  # of each batch, whether it writes, and what it asks for
        self.texts: deque[tuple[Level, str]] = deque(maxlen=1_000)  # of statements, and their level
        self.before_read: Callable[[], Awaitable[None]] | None = None
        self.lost_answers = 0  # of the next batches that write: they are applied
        self.lost_requests = 0  # of those after them: they are not applied
        self.has_leader = True
        self.old_levels = {Level.NONE}  # whose reads see the copy

    def catch_up(self) -> None:
        """Have the copy hold what the leader holds now."""
        self._leader.backup(self._follower)

    async def send(
        self, batch: Sequence[Bound], *, write: bool, at: At, seconds: float
    ) -> list[Rows]:
        """Run a batch in one transaction."""
        self.sent.append((write, at))
        for each in batch:
            self.texts.append((at.level, each.sql))
            self._check(each, write=write)
        is_old = not write and at.level in self.old_levels
        if not self.has_leader and not is_old:
            raise Unavailable("the cluster has no leader now")
        if not write and self.before_read is not None:
            await self.before_read()
        if write and not self.lost_answers and self.lost_requests:
            self.lost_requests -= 1
            raise OutcomeUnknown("the connection broke")
        rows = _transacted(self._follower if is_old else self._leader, batch, write=write)
        if write and self.lost_answers:
            self.lost_answers -= 1
            raise OutcomeUnknown("the connection broke")
        return rows

    def _check(self, statement: Bound, *, write: bool) -> None:
        if len(statement.sql) > self.limits.statement_bytes:
            raise EngineLimit(f"SQLite takes at most {self.limits.statement_bytes:,} bytes of SQL")
        most = self.limits.largest_integer
        if any(isinstance(each, int) and abs(each) > most for each in statement.bind.values()):
            message = f"SQLite holds no whole numbers beyond {most} here"
            if write:
                raise Refused([Problem(ErrorCode.INVALID, (), message)])
            raise EngineLimit(message)

    async def migrate(self, batch: Sequence[Bound]) -> bool:
        """Nothing is migrated: the file is."""
        raise NotImplementedError

    async def status(self, seconds: float) -> EngineStatus:
        """An engine of unknown size."""
        return EngineStatus(sqlite3.sqlite_version, None, 0)

    async def close(self) -> None:
        """Close both files."""
        self._leader.close()
        self._follower.close()


def _connected(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def _transacted(
    connection: sqlite3.Connection, batch: Sequence[Bound], *, write: bool
) -> list[Rows]:
    connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        rows: list[Rows] = [connection.execute(each.sql, each.bind).fetchall() for each in batch]
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        connection.execute("ROLLBACK")
        raise EngineError(f"SQLite: {error}") from error
    return rows


Engine = tuple[RemoteDatabase, SQLiteTransport]


@asynccontextmanager
async def remote_database(file: Path, *, wait_seconds: float = 60.0) -> AsyncIterator[Engine]:
    """An empty registry that is reached over HTTP."""
    registry_at(file)
    transport = SQLiteTransport(file)
    db = RemoteDatabase(transport, read_seconds=60.0, wait_seconds=wait_seconds)
    try:
        yield db, transport
    finally:
        await db.close()


class RemoteApi(Api):
    """A running service whose database is reached over HTTP."""

    transport: SQLiteTransport

    @property
    def db(self) -> RemoteDatabase:
        """Its database."""
        database = self.service.db
        assert isinstance(database, RemoteDatabase)
        return database


@asynccontextmanager
async def running_remote(database: Path, **settings: Any) -> AsyncIterator[RemoteApi]:
    """Like `running`, of a service that reaches this file as it does an engine over HTTP."""
    registry_at(database)
    transport = SQLiteTransport(database)

    async def opened(_: object, **options: Any) -> RemoteDatabase:
        return RemoteDatabase(transport, read_seconds=60.0, wait_seconds=60.0)

    app = create_app(Settings(database=str(database), **UNHURRIED | settings))
    async with AsyncExitStack() as stack:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(service, "open_database", opened)
            await stack.enter_async_context(app.router.lifespan_context(app))
        client = await stack.enter_async_context(AsgiClient(app))
        api = RemoteApi(app, client)
        api.transport = transport
        transport.catch_up()  # with the key of cursors
        yield api
