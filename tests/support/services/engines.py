"""Databases on real engines over HTTP: nodes of rqlite, and D1 behind its Worker."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from db import database_url
from db.consistency import At, Level
from db.open_database import open_transport
from db.program import Rows
from db.remote.transport import Bound, Transport
from tests.support.other_programs import rqlite
from tests.support.other_programs.d1_worker import D1Worker

ENGINES = ("rqlite", "d1")
on_each = pytest.mark.parametrize("engine_url", ENGINES, indirect=True)
"""In the default run, too, a test runs on both engines."""
SECONDS = 60.0


@pytest.fixture(params=["rqlite", pytest.param("d1", marks=pytest.mark.thorough)])
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, on each engine in turn; on D1 with `--thorough` only."""
    if request.param == "d1":
        worker: D1Worker = request.getfixturevalue("d1_worker")
        yield worker.new_database()
        return
    with rqlite.cluster(tmp_path / "rqlite", account=rqlite.Account()) as cluster:
        yield cluster.url


@asynccontextmanager
async def transport_to(url: str) -> AsyncIterator[Transport]:
    transport = open_transport(database_url.parse(url))
    try:
        yield transport
    finally:
        await transport.close()


async def carry_out(url: str, *statements: str) -> list[Rows]:
    """Let another program write, all in one transaction."""
    async with transport_to(url) as transport:
        return await transport.send(_bound(statements), write=True, at=At(), seconds=SECONDS)


async def define(url: str, *statements: str) -> None:
    """The same with statements that may need what those before them define."""
    async with transport_to(url) as transport:
        assert await transport.migrate(_bound(statements))


async def ask(url: str, sql: str) -> Rows:
    """The rows of a statement as the engine has them now."""
    async with transport_to(url) as transport:
        newest = At(Level.STRONG)
        (rows,) = await transport.send(_bound([sql]), write=False, at=newest, seconds=SECONDS)
        return rows


def _bound(statements: Sequence[str]) -> list[Bound]:
    return [Bound(sql, {}) for sql in statements]
