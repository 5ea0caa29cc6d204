"""POST /webhooks/github: signed events of the GitHub App, acknowledged once they are on disk."""

import asyncio
import hashlib
import hmac
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db.commands.webhook_deliveries import Outcome, StoredDelivery
from db.errors import Unavailable
from resolvers.github import deliveries
from resolvers.github.deliveries import InvalidDelivery
from server.http import errors
from server.http.errors import HTTPError
from server.service import Service
from server.telemetry import logs

T = TypeVar("T")

PATH = "/webhooks/github"
ECOSYSTEM_PATH = (
    "/integrations/github/webhook"  # as in ChittyConnect, where GitHub Apps may send to
)
ON_REPLICA = (
    "this server is a replica, which stores no deliveries: have GitHub send them to the primary"
)
INLINE_BYTES = 2**20  # hashing and parsing more would block the event loop
STATUS = {Outcome.WAITING: 202, Outcome.STORED: 202, Outcome.MISMATCHED: 202}

_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")

log = logging.getLogger(__name__)


class GitHubWebhooks(HTTPEndpoint):
    """Guarded by the signature of each delivery."""

    async def post(self, request: Request) -> Response:
        if request.app.service.replica is not None:
            return _refuse(request, HTTPError(503, ON_REPLICA))
        try:
            stored = await _receive(request)
        except HTTPError as refusal:
            return _refuse(request, refusal)
        return JSONResponse(
            {"outcome": stored.outcome.value}, status_code=STATUS.get(stored.outcome, 200)
        )

    async def method_not_allowed(self, request: Request) -> Response:
        message = f"{request.method} is not taken here: deliveries come by POST"
        return JSONResponse(errors.body(405, message), 405, headers={"Allow": "POST"})


@dataclass(frozen=True, slots=True)
class _Head:
    """What the headers of a delivery say."""

    signature: str
    event: str
    delivery_id: str


async def _receive(request: Request) -> StoredDelivery:
    service: Service = request.app.service
    secrets = service.settings.github_secrets
    if not secrets:
        raise HTTPError(
            503, "no webhook secret is configured: set CHITTYGRAPH_GITHUB_WEBHOOK_SECRET"
        )
    # All that the headers decide comes first: no byte of the body is read for who cannot be GitHub.
    head = _read_head(request.headers)
    bodies = service.webhook_bodies
    bodies.check_length(request.headers.get("content-length", "").encode("latin-1"))
    with bodies.open() as arriving:
        body = await arriving.read(request.receive)
        if not await _run_off_loop(len(body), lambda: is_signed(body, head.signature, secrets)):
            raise HTTPError(401, "X-Hub-Signature-256 does not match any configured secret")
        return await _store(service, body, head)


async def _store(service: Service, body: bytes | bytearray, head: _Head) -> StoredDelivery:
    event, delivery_id = head.event, head.delivery_id
    try:
        parsed = await _run_off_loop(
            len(body), lambda: deliveries.parse(body, event=event, delivery_id=delivery_id)
        )
        stored = await deliveries.apply(
            service.db,
            parsed,
            mint=service.operations.mint,
            request_id=logs.request_id.get() or None,
        )
    except InvalidDelivery as invalid:
        raise HTTPError(400, str(invalid)) from None
    except Unavailable as unavailable:
        raise HTTPError(503, str(unavailable), {"retry-after": "1"}) from unavailable
    _log(parsed, stored)
    return stored


def is_signed(body: bytes | bytearray, signature: str, secrets: tuple[str, ...]) -> bool:
    """Whether one of the secrets made the signature, in constant time."""
    received = signature.encode("utf-8", "surrogateescape")
    matches = 0
    for secret in secrets:
        expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        matches += hmac.compare_digest(expected.encode(), received)
    return matches > 0


def _read_head(headers: Headers) -> _Head:
    """The headers of a delivery; raises HTTPError: 401 without a signature, 415, or 400."""
    signature = headers.get("x-hub-signature-256")
    if signature is None:
        raise HTTPError(401, "X-Hub-Signature-256 is missing: give the webhook its secret")
    if not _SIGNATURE.fullmatch(signature):
        raise HTTPError(401, "X-Hub-Signature-256 must be sha256= and 64 lower-case digits")
    media_type = headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPError(415, "choose application/json as the webhook's content type")
    event, delivery_id = headers.get("x-github-event"), headers.get("x-github-delivery")
    if event is None or delivery_id is None:
        raise HTTPError(400, "X-GitHub-Event and X-GitHub-Delivery are both needed")
    try:
        deliveries.check_names(event, delivery_id)
    except InvalidDelivery as invalid:
        raise HTTPError(400, str(invalid)) from None
    return _Head(signature, event, delivery_id)


async def _run_off_loop(size: int, work: Callable[[], T]) -> T:
    return work() if size <= INLINE_BYTES else await asyncio.to_thread(work)


def _refuse(request: Request, refusal: HTTPError) -> Response:
    level = logging.ERROR if refusal.status == 503 else logging.WARNING
    delivery = logs.loggable(request.headers.get("x-github-delivery", ""))
    log.log(
        level,
        "webhook refused",
        extra={"status": refusal.status, "reason": str(refusal), "delivery": delivery},
    )
    return JSONResponse(refusal.body, refusal.status, refusal.headers)


def _log(parsed: deliveries.ParsedDelivery, stored: StoredDelivery) -> None:
    delivery = parsed.delivery
    log.info(
        "webhook kept",
        extra={
            "event": delivery.event,
            "action": delivery.action,
            "delivery": delivery.delivery_id,
            "installation": delivery.installation_id,
            "outcome": stored.outcome.value,
            "times": stored.times,
        },
    )
