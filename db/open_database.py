"""Opens databases: the only module that knows what serves each engine."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from db import database_url
from db.database import Database
from db.database_url import Address, Engine

if TYPE_CHECKING:
    from db.erasing.erasure import Erasure, ErasureRequest
    from db.migrating.remote_opening import Boot, Examination
    from db.moving.ends import End
    from db.moving.stages import Stages
    from db.remote.transport import Transport
    from db.replica.database import ReplicaDatabase

log = logging.getLogger(__name__)


async def open_database(
    url: str | Path,
    *,
    migrate: bool = True,
    to_write: bool = True,
    readers: int = 2,
    read_seconds: float = 5.0,
    wait_seconds: float = 1.0,
    min_free_bytes: int = 0,
    has_replicas: bool = False,
) -> Database:
    """Open the database at a path or URL; migrate it first, or refuse one that is not up to date.

    One that is not migrated is also opened if this user cannot write it, unless it is `to_write`.
    A session may spend `read_seconds` in statements; reads and writes wait `wait_seconds` for their turn;
    nothing is written while less than `min_free_bytes` of disk are free; writes to a file get marks if it
    `has_replicas`. Raises BootRefused if the database cannot be migrated or opened, and ValueError for what
    names no database.
    """
    # Engines are imported when one is opened, since each takes a while.
    address = database_url.parse(url)
    if address.file is None:
        return await _open_remote(address, migrate, read_seconds, wait_seconds)
    from db.migrating import opening

    open_file = (
        opening.open_migrated if migrate else partial(opening.open_existing, to_write=to_write)
    )
    database = await open_file(
        address.file,
        readers=readers,
        read_seconds=read_seconds,
        wait_seconds=wait_seconds,
        min_free_bytes=min_free_bytes,
    )
    database.has_replicas = has_replicas
    return database


async def _open_remote(
    address: Address, migrate: bool, read_seconds: float, wait_seconds: float
) -> Database:
    from db.migrating import remote_opening

    return await remote_opening.open_remote(
        open_transport(address),
        address,
        migrate=migrate,
        read_seconds=read_seconds,
        wait_seconds=wait_seconds,
    )


async def migrate(url: str) -> "Boot":
    """Migrate a database that is no file, and warn of an engine that is not to be relied on.

    Raises BootRefused if it cannot be served, and ValueError.
    """
    from db.migrating import remote_opening

    address = database_url.parse(url)
    async with _transport(address) as transport:
        done = await remote_opening.boot(transport, address)
    if done.status.warning is not None:
        log.warning(
            "engine is not to be relied on",
            extra={"database": str(address), "reason": done.status.warning},
        )
    return done


async def examine(url: str) -> "Examination":
    """Look at a database that is no file, without changing it; raises BootRefused and ValueError."""
    from db.migrating import remote_opening

    address = database_url.parse(url)
    async with _transport(address) as transport:
        return await remote_opening.examine(transport, address)


@asynccontextmanager
async def _transport(address: Address) -> "AsyncIterator[Transport]":
    transport = open_transport(address)
    try:
        yield transport
    finally:
        await transport.close()


@asynccontextmanager
async def source_of_move(url: str) -> AsyncIterator["End"]:
    """A registry to copy; raises BootRefused if it is none of the present version, and ValueError."""
    from db.migrating import remote_opening
    from db.moving import ends

    address = database_url.parse(url)
    if address.file is not None:
        with ends.file_source(address.file) as source:
            yield source
        return
    async with _transport(address) as transport:
        await remote_opening.require_migrated(transport, address)
        yield ends.RemoteEnd(address, transport)


@asynccontextmanager
async def target_of_move(url: str) -> AsyncIterator["End"]:
    """Where a registry is copied to; raises BootRefused if it cannot be written, and ValueError."""
    from db.migrating import remote_opening
    from db.moving import ends

    address = database_url.parse(url)
    if address.file is not None:
        with ends.file_target(address.file) as target:
            yield target
        return
    async with _transport(address) as transport:
        await remote_opening.require_there(transport, address)
        yield ends.RemoteEnd(address, transport)


async def erase(
    url: str, request: "ErasureRequest", stages: "Stages", *, for_good: bool
) -> "Erasure":
    """Erase a person from a database that is no file; raises like erasing.over_http.erase, and ValueError."""
    from db.erasing import over_http
    from db.migrating import remote_opening

    address = database_url.parse(url)
    async with _transport(address) as transport:
        await remote_opening.require_migrated(transport, address)
        return await over_http.erase(transport, address, request, stages, for_good=for_good)


def open_transport(address: Address) -> "Transport":
    """What sends batches to the engine at an address that is no file; whoever opens it closes it."""
    if address.engine is Engine.D1:
        from db.remote.d1.transport import D1Transport

        return D1Transport(address.bases[0], address.secret)
    from db.remote.rqlite.transport import RqliteTransport

    return RqliteTransport(address.bases, address.user, address.secret)


async def open_replica(
    path: Path, *, readers: int, read_seconds: float, wait_seconds: float, max_lag: float
) -> "ReplicaDatabase":
    """Open the copies that litestream makes beside this path; see ReplicaDatabase.open."""
    from db.replica.database import ReplicaDatabase

    return await ReplicaDatabase.open(
        path,
        readers=readers,
        read_seconds=read_seconds,
        wait_seconds=wait_seconds,
        max_lag=max_lag,
    )
