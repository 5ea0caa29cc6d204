"""Webhook deliveries of a GitHub App: parsing, applying and storing them."""

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
from db.commands.webhook_deliveries import Delivery, Outcome, StoredDelivery
from db.database import Database
from db.errors import Unavailable
from db.model import instants
from db.model.column_types import INT64_MAX
from db.model.tables import Installation
from resolvers import minting
from resolvers.github import events
from resolvers.minting import Mint

log = logging.getLogger(__name__)

EVENT = re.compile(r"[a-z0-9_-]{1,100}")
DELIVERY_ID = re.compile(r"[!-~]{1,200}")


class InvalidDelivery(ValueError):
    """The message says why."""


@dataclass(frozen=True, slots=True)
class ParsedDelivery:
    delivery: Delivery
    outcome: Outcome
    facts: list[Fact]


def parse(body: bytes, *, event: str, delivery_id: str) -> ParsedDelivery:
    """Parse a delivery that arrived now; raises InvalidDelivery."""
    if not EVENT.fullmatch(event):
        raise InvalidDelivery("X-GitHub-Event must consist of lowercase letters, digits, - and _")
    if not DELIVERY_ID.fullmatch(delivery_id):
        raise InvalidDelivery("X-GitHub-Delivery must be 1 to 200 visible characters")
    payload = _object(body)
    action = payload.get("action")
    installation_id = _installation_id(payload)
    outcome, facts = _outcome(event, payload, installation_id)
    delivery = Delivery(
        body_sha256=hashlib.sha256(body).hexdigest(),
        event=event,
        delivery_id=delivery_id,
        action=action if isinstance(action, str) else None,
        installation_id=installation_id,
        received_at=instants.now(),
    )
    return ParsedDelivery(delivery, outcome, facts)


async def apply(
    database: Database, parsed: ParsedDelivery, *, mint: Mint = minting.mint_locally
) -> StoredDelivery:
    """Apply and store a delivery, both on disk when this returns; raises Unavailable.

    An installation for which no ChittyID can be minted now waits for `identify_pending`.
    """
    until = pending_installations.claimed_until()
    stored = await database.write(
        webhook_deliveries.store(parsed.delivery, parsed.outcome, parsed.facts, claimed_until=until)
    )
    if stored.claimed is None:
        return stored
    row = await _mint_and_identify(database, stored.claimed, until, mint)
    if row is None:
        return stored
    return replace(stored, outcome=Outcome.APPLIED, installation=row)


async def identify_pending(
    database: Database, mint: Mint
) -> AsyncIterator[tuple[int, Installation | None]]:
    """Mint ChittyIDs for waiting installations until minting fails; yields each id and its row, if any."""
    while await database.read(pending_installations.any_unclaimed()):
        until = pending_installations.claimed_until()
        claimed = await database.write(pending_installations.claim(until))
        if claimed is None:
            return
        row = await _mint_and_identify(database, claimed, until, mint)
        yield claimed, row
        if row is None:
            return


async def _mint_and_identify(
    database: Database, installation_id: int, until: str, mint: Mint
) -> Installation | None:
    """Mint a ChittyID for an installation that this process has claimed; None if it has to wait."""

    async def identify(chitty_id: str) -> Installation | None:
        return await database.write(pending_installations.identify(installation_id, chitty_id))

    try:
        return await minting.with_new_id(mint, "INSTALLATION", identify)
    except Unavailable as unavailable:
        extra = {"installation": installation_id, "reason": str(unavailable)}
        log.warning("installation waits for a chitty id", extra=extra)
    with suppress(Unavailable):  # the claim expires anyway
        await database.write(pending_installations.release(installation_id, until))
    return None


def _object(body: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidDelivery("the body is not JSON") from None
    if not isinstance(payload, dict):
        raise InvalidDelivery("the body must be a JSON object")
    return payload


def _installation_id(payload: dict[str, Any]) -> int | None:
    installation = payload.get("installation")
    if not isinstance(installation, dict) or "id" not in installation:
        return None
    installation_id = installation["id"]
    if type(installation_id) is not int or not 0 < installation_id <= INT64_MAX:
        raise InvalidDelivery("installation.id must be a whole number from 1 to 2^63 - 1")
    return installation_id


def _outcome(
    event: str, payload: dict[str, Any], installation_id: int | None
) -> tuple[Outcome, list[Fact]]:
    if event == "ping":
        return Outcome.PONG, []
    try:
        facts = events.facts(event, payload)
    except events.PayloadMismatch:
        return Outcome.MISMATCHED, []
    if facts and installation_id is None:
        return Outcome.MISMATCHED, []
    return (Outcome.APPLIED, facts) if facts else (Outcome.STORED, [])
