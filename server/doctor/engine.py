"""Checks of a database on an engine that is reached over HTTP."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from db import open_database
from db.errors import BootRefused, EngineError, Unavailable
from db.program import Program
from db.queries import newest_instant, troubled_webhooks, waiting_installations
from db.queries.newest_instant import NewestInstant
from db.queries.troubled_webhooks import Troubles
from db.queries.waiting_installations import Waiting
from db.security import api_keys
from server import setting_checks
from server.doctor import rows
from server.doctor.findings import (
    Deployment,
    Finding,
    Findings,
    ok,
    problem,
    refusal,
    skipped,
    warning,
)
from server.settings import Settings

if TYPE_CHECKING:
    from db.remote.transport import EngineStatus

RESTORE = "undo that change, or copy a whole registry into a new database with `chittygraph move`"


@dataclass(frozen=True, slots=True)
class _Rows:
    newest: NewestInstant | None
    waiting: Waiting
    troubles: Troubles
    keys: int


def examine(deployment: Deployment) -> list[tuple[str, Finding]]:
    """All findings, under the names of the checks; a database that cannot be looked at is one of them."""
    try:
        return asyncio.run(_examine(deployment))
    except BootRefused as refused:
        return [("database", refusal(refused))]
    except (EngineError, Unavailable) as error:
        return [("database", problem(f"it fails: {error}", "see the engine's own log"))]


async def _examine(deployment: Deployment) -> list[tuple[str, Finding]]:
    settings = deployment.settings
    found = await open_database.examine(settings.database)
    checks: dict[str, Findings] = {
        "engine": of_engine(settings, found.status),
        "database": _database(settings, found.status.bytes_on_disk, is_new=found.is_new),
        "migrations": _migrations(found.pending),
        "schema": _schema(found.differences, found.state.found.slow),
    }
    if found.is_complete:
        checks |= _of_rows(await _read(settings), settings)
    return [(name, finding) for name, findings in checks.items() for finding in findings]


def of_engine(settings: Settings, status: "EngineStatus") -> Findings:
    name, flaw = f"{settings.address.engine.value} {status.version or ''}".rstrip(), status.warning
    if status.refusal is not None:
        yield problem(name, status.refusal)
    elif flaw is None:
        yield ok(name)
    else:
        yield warning(
            f"{name}: {flaw}", "install a version that the docs name, one node after another"
        )
    if settings.address.secret and any(map(_is_unencrypted, settings.address.bases)):
        yield warning(
            "the password goes over the network unencrypted",
            "use rqlites:// unless only the servers reach that network",
        )


def _is_unencrypted(base: str) -> bool:
    """Whether a password is sent to this URL over a network as it is."""
    parts = urlsplit(base)
    return parts.scheme == "http" and not setting_checks.is_loopback(parts.hostname or "")


def _database(settings: Settings, size: int, *, is_new: bool) -> Findings:
    if is_new:
        yield warning(f"{settings.address} is empty yet", "make it with `chittygraph migrate`")
    else:
        yield ok(f"{settings.address}, {size:,} bytes")


def _migrations(pending: list[str]) -> Findings:
    if pending:
        yield warning(
            f"pending: {', '.join(pending)}",
            "back up, then run `chittygraph migrate`, or restart the server",
        )
    else:
        yield ok("all have run")


def _schema(differences: list[str], slow: list[str]) -> Findings:
    for each in differences:
        yield problem(each, RESTORE)
    for each in slow:
        yield warning(f"{each}, so lists are slow", "create it as its migration does")
    if not differences and not slow:
        yield ok("tables, columns, indexes and triggers are as the migrations made them")


async def _read(settings: Settings) -> _Rows:
    database = await open_database.open_database(settings.database, migrate=False)
    try:
        return await database.read(_rows())
    finally:
        await database.close()


def _rows() -> Program[_Rows]:
    newest = yield from newest_instant.find()
    waiting = yield from waiting_installations.find()
    troubles = yield from troubled_webhooks.find()
    keys = yield from api_keys.count_valid()
    return _Rows(newest, waiting, troubles, keys)


def _of_rows(found: _Rows, settings: Settings) -> dict[str, Findings]:
    return {
        "clock": rows.instants(found.newest),
        "chitty ids": rows.chitty_ids(found.waiting),
        "webhooks out": rows.webhooks_out(found.troubles),
        "credentials": _credentials(found.keys, settings),
    }


def _credentials(keys: int, settings: Settings) -> Findings:
    if settings.auth == "open":
        yield skipped("open mode needs none")
    else:
        yield from rows.credentials(keys, settings)
