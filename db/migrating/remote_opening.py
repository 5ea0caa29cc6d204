"""Opening a database on an engine over HTTP at the present version, once the engine is there."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from db import patience
from db.database_url import Address
from db.errors import BootRefused, EngineError, EngineLimit
from db.migrating import ledger, over_http
from db.migrating.over_http import State
from db.migrating.remote_readiness import RemoteReadiness
from db.remote.database import RemoteDatabase
from db.remote.transport import EngineStatus, Transport

T = TypeVar("T")

STATUS_SECONDS = 5.0
# A command that does not migrate is called by somebody who waits for it.
COMMAND_SECONDS = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Boot:
    """What was done at a start: the migrations that this process ran, and what the engine says of itself."""

    is_new: bool
    applied: list[str]
    status: EngineStatus


@dataclass(frozen=True, slots=True)
class Examination:
    """What an engine says of itself, and what is stored there."""

    status: EngineStatus
    state: State

    @property
    def is_new(self) -> bool:
        return self.state.is_new

    @property
    def pending(self) -> list[str]:
        return [migration.name for migration in self.state.pending]

    @property
    def differences(self) -> list[str]:
        return self.state.differences

    @property
    def is_complete(self) -> bool:
        """Whether all its rows can be read."""
        return not self.state.pending and not self.state.found.broken

    @property
    def version(self) -> str | None:
        return max(self.state.done, default=None)


async def examine(transport: Transport, address: Address) -> Examination:
    """Look at a database without changing it; raises BootRefused."""
    status = await _reach(lambda: transport.status(STATUS_SECONDS), address, COMMAND_SECONDS)
    state = await _reach(lambda: over_http.look(transport, address), address, COMMAND_SECONDS)
    return Examination(status, state)


async def require_there(transport: Transport, address: Address) -> None:
    """Raises BootRefused if the engine does not answer soon."""
    await _reach(lambda: transport.status(STATUS_SECONDS), address, COMMAND_SECONDS)


async def boot(transport: Transport, address: Address) -> Boot:
    """Wait for the engine, and apply pending migrations; raises BootRefused if it cannot be served."""
    seconds = patience.BUSY_SECONDS
    status = await _reach(lambda: transport.status(STATUS_SECONDS), address, seconds)
    if status.refusal is not None:
        raise BootRefused(f"{address} cannot be served: {status.refusal}")
    names: list[str] = []
    before = await _reach(lambda: over_http.migrate(transport, address, names), address, seconds)
    return Boot(before.is_new or bool(names and names[0] == _first()), names, status)


def _first() -> str:
    return ledger.load(ledger.MIGRATIONS)[0].name


async def _reach(work: Callable[[], Awaitable[T]], address: Address, seconds: float) -> T:
    try:
        return await patience.reach(work, address, seconds=seconds)
    except (EngineError, EngineLimit) as error:
        raise BootRefused(f"{address} cannot be used: {error}") from error


async def open_remote(
    transport: Transport,
    address: Address,
    *,
    migrate: bool,
    read_seconds: float,
    wait_seconds: float,
) -> RemoteDatabase:
    """Migrate and open a database, or refuse one that is not up to date; closes the transport if it fails."""
    try:
        if migrate:
            await boot(transport, address)
        else:
            await require_migrated(transport, address)
    except BaseException:
        await transport.close()
        raise
    return RemoteDatabase(
        transport,
        read_seconds=read_seconds,
        wait_seconds=wait_seconds,
        newest=ledger.newest(),
        pending=RemoteReadiness(address).pending,
    )


async def require_migrated(transport: Transport, address: Address) -> None:
    """Raises BootRefused."""
    state = (await examine(transport, address)).state
    if state.pending:
        raise BootRefused(
            f"{address} still lacks migration {state.pending[0].name}: run `chittygraph migrate` first"
        )
    over_http.require_intact(state, address)
