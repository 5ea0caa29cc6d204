"""Webhook deliveries of a GitHub App: parsing, applying and storing them."""

import hashlib
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import orjson

from db.attribution import Attribution
from db.commands import pending_installations, webhook_deliveries
from db.commands.installation_facts import Fact
from db.commands.pending_installations import Claim, ClaimTerm
from db.commands.webhook_deliveries import Delivery, Outcome, StoredDelivery
from db.database import Database
from db.errors import Unavailable
from db.model import instants, strict_json
from db.model.column_types import INT64_MAX
from db.model.tables import Installation
from resolvers import minting
from resolvers.github import events
from resolvers.minting import Mint, MintRefused

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


def check_names(event: str, delivery_id: str) -> None:
    """Raise InvalidDelivery for an event or id that no header of GitHub's has."""
    if not EVENT.fullmatch(event):
        raise InvalidDelivery("X-GitHub-Event must consist of lowercase letters, digits, - and _")
    if not DELIVERY_ID.fullmatch(delivery_id):
        raise InvalidDelivery("X-GitHub-Delivery must be 1 to 200 visible characters")


def read_json(raw: bytes | bytearray, name: str) -> Any:
    """Read JSON of which no reader loses a key; raises InvalidDelivery."""
    try:
        return strict_json.read(raw)
    except strict_json.RepeatedKey as repeated:
        raise InvalidDelivery(f"{name}: {repeated}") from None
    except json.JSONDecodeError:
        raise InvalidDelivery(f"{name} is not JSON") from None
    except ValueError as error:
        raise InvalidDelivery(f"{name} cannot be read: {error}") from None


def parse(body: bytes | bytearray, *, event: str, delivery_id: str) -> ParsedDelivery:
    """Parse a delivery that arrived now; raises InvalidDelivery."""
    check_names(event, delivery_id)
    payload = _object(body)
    action = payload.get("action")
    installation_id = _installation_id(payload)
    outcome, facts = _outcome(event, payload, installation_id)
    delivery = Delivery(
        body_sha256=hashlib.sha256(body).hexdigest(),
        payload_sha256=hashlib.sha256(_canonical(payload)).hexdigest(),
        event=event,
        delivery_id=delivery_id,
        action=action if isinstance(action, str) else None,
        installation_id=installation_id,
        received_at=instants.now(),
    )
    return ParsedDelivery(delivery, outcome, facts)


def cause_of(event: str, action: str | None) -> str:
    """The cause of what a delivery changes, such as github.installation.suspend."""
    return f"github.{event}.{action}" if action else f"github.{event}"


async def apply(
    database: Database,
    parsed: ParsedDelivery,
    *,
    mint: Mint = minting.mint_locally,
    request_id: str | None = None,
) -> StoredDelivery:
    """Apply and store a delivery, both on disk when this returns; raises Unavailable.

    An installation for which no ChittyID can be minted now waits for `identify_pending`.
    """
    delivery = parsed.delivery
    attribution = Attribution(cause_of(delivery.event, delivery.action), request_id=request_id)
    program = webhook_deliveries.store(delivery, parsed.outcome, parsed.facts, claim=ClaimTerm())
    stored = await database.write(program, attribution=attribution)
    if stored.claim is None:
        return stored
    row = await _mint_and_identify(database, stored.claim, mint, attribution)
    if row is None:
        return stored
    return replace(stored, outcome=Outcome.APPLIED, installation=row)


async def identify_pending(
    database: Database, mint: Mint
) -> AsyncIterator[tuple[int, Installation | None]]:
    """Mint ChittyIDs for the installations that are due, until minting fails; yields each id and its row."""
    while await database.read(pending_installations.any_due()):
        claim = await database.write(pending_installations.claim(ClaimTerm()))
        if claim is None:
            return
        row = await _mint_and_identify(database, claim, mint, Attribution("github.identify"))
        yield claim.installation_id, row
        if row is None:
            return


async def _mint_and_identify(
    database: Database, claim: Claim, mint: Mint, attribution: Attribution
) -> Installation | None:
    """Mint a ChittyID for an installation that this process has claimed; None if it has to wait."""

    async def identify(chitty_id: str) -> Installation | None:
        program = pending_installations.identify(claim, chitty_id)
        return await database.write(program, attribution=attribution)

    try:
        return await minting.with_new_id(mint, "INSTALLATION", identify)
    except MintRefused as refusal:
        refused, reason = True, refusal.reason
    except Unavailable as unavailable:
        refused, reason = False, str(unavailable)
    _log_if_new(claim, refused, reason)
    with suppress(Unavailable):  # the claim expires anyway
        await database.write(pending_installations.release(claim, refused=refused, reason=reason))
    return None


def _log_if_new(claim: Claim, refused: bool, reason: str) -> None:
    """Log that an installation waits, or why from now on: not each time that it is asked for in vain."""
    if claim.failures and (claim.refused, claim.reason) == (refused, reason):
        return
    extra = {"installation": claim.installation_id, "reason": reason}
    if refused:
        log.error("installation refused a chitty id", extra=extra)
    else:
        log.warning("installation waits for a chitty id", extra=extra)


def _canonical(payload: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a whole number beyond 64 bits
        return json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()


def _object(body: bytes | bytearray) -> dict[str, Any]:
    payload = read_json(body, "the body")
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
