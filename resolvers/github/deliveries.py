"""Webhook deliveries of a GitHub App: read, applied as state, and kept."""

import hashlib
import logging
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import orjson

from db.commands import pending_installations, webhook_deliveries
from db.commands.installation_facts import Fact
from db.commands.webhook_deliveries import Delivery, Kept, Outcome
from db.errors import Unavailable
from db.model import instants
from db.model.column_types import INT64_MAX
from db.model.tables import Installation
from db.sqlite.database import Database
from resolvers import minting
from resolvers.github import events
from resolvers.minting import Mint

log = logging.getLogger(__name__)

EVENT = re.compile(r"[a-z0-9_-]{1,100}")
DELIVERY_ID = re.compile(r"[!-~]{1,200}")


class Unacceptable(ValueError):
    """Raised when a delivery is none of GitHub's; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A delivery that was read, what it says, and what is to become of it."""

    delivery: Delivery
    outcome: Outcome
    told: list[Fact]


def read(body: bytes, *, event: str, delivery_id: str) -> Reading:
    """What a delivery says, received now; the event is believed only if the body has its shape.

    Raises Unacceptable for a body that is no JSON object or has an impossible installation id, and
    for names that GitHub does not use.
    """
    if not EVENT.fullmatch(event):
        raise Unacceptable("X-GitHub-Event must be small letters, digits, - and _")
    if not DELIVERY_ID.fullmatch(delivery_id):
        raise Unacceptable("X-GitHub-Delivery must be 1 to 200 visible characters")
    payload = _object(body)
    action = payload.get("action")
    installation_id = _installation_id(payload)
    outcome, told = _told(event, payload, installation_id)
    delivery = Delivery(
        body_sha256=hashlib.sha256(body).hexdigest(),
        event=event,
        delivery_id=delivery_id,
        action=action if isinstance(action, str) else None,
        installation_id=installation_id,
        received_at=instants.now(),
    )
    return Reading(delivery, outcome, told)


async def keep(database: Database, reading: Reading, *, mint: Mint = minting.local) -> Kept:
    """Apply and keep a delivery; returns once that is on the disk.

    A ChittyID that its installation lacks is minted when the delivery is safe already: where there is
    none to be had now, the delivery waits for `identify_waiting`. Raises Unavailable when the
    database cannot be written now, so that GitHub shows a failure.
    """
    until = pending_installations.claimed_until()
    kept = await database.write(
        webhook_deliveries.keep(
            reading.delivery, reading.outcome, reading.told, claimed_until=until
        )
    )
    if kept.claimed is None:
        return kept
    row = await _identified(database, kept.claimed, until, mint)
    if row is None:
        return kept
    return replace(kept, outcome=Outcome.APPLIED, installation=row)


async def identify_waiting(
    database: Database, mint: Mint
) -> AsyncIterator[tuple[int, Installation | None]]:
    """Give the installations that wait their ChittyIDs, until there is none to be had for one.

    Yields each one's id, and its row if it has one now. Raises Unavailable when the database cannot
    be read or written.
    """
    while await database.read(pending_installations.any_unclaimed()):
        until = pending_installations.claimed_until()
        claimed = await database.write(pending_installations.claim(until))
        if claimed is None:
            return
        row = await _identified(database, claimed, until, mint)
        yield claimed, row
        if row is None:
            return


async def _identified(
    database: Database, installation_id: int, until: str, mint: Mint
) -> Installation | None:
    """The row of an installation that this process has claimed; None when it has to wait on."""

    async def identify(minted: str) -> Installation | None:
        return await database.write(pending_installations.identify(installation_id, minted))

    try:
        return await minting.under_new_id(mint, "INSTALLATION", identify)
    except Unavailable as unavailable:
        extra = {"installation": installation_id, "reason": str(unavailable)}
        log.warning("installation waits for a chitty id", extra=extra)
    with suppress(Unavailable):  # the claim ends by itself too
        await database.write(pending_installations.release(installation_id, until))
    return None


def _object(body: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unacceptable("the body is not JSON") from None
    if not isinstance(payload, dict):
        raise Unacceptable("the body must be a JSON object")
    return payload


def _installation_id(payload: dict[str, Any]) -> int | None:
    installation = payload.get("installation")
    if not isinstance(installation, dict) or "id" not in installation:
        return None
    found = installation["id"]
    if type(found) is not int or not 0 < found <= INT64_MAX:
        raise Unacceptable("installation.id must be a whole number from 1 to 2^63 - 1")
    return found


def _told(
    event: str, payload: dict[str, Any], installation_id: int | None
) -> tuple[Outcome, list[Fact]]:
    if event == "ping":
        return Outcome.PONG, []
    try:
        told = events.facts(event, payload)
    except events.Mismatched:
        return Outcome.MISMATCHED, []
    if told and installation_id is None:
        return Outcome.MISMATCHED, []
    return (Outcome.APPLIED, told) if told else (Outcome.STORED, [])
