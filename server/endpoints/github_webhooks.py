"""POST /webhooks/github: signed events of the GitHub App, acknowledged once they are on disk."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Callable
from typing import TypeVar

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db.commands.webhook_deliveries import Outcome, StoredDelivery
from db.errors import Unavailable
from resolvers.github import deliveries
from resolvers.github.deliveries import InvalidDelivery
from server.http import bounded_body, errors
from server.http.errors import HTTPError
from server.service import Service
from server.telemetry import logs

T = TypeVar("T")

PATH = "/webhooks/github"
MAX_BODY_BYTES = 25 * 2**20  # GitHub's own limit
INLINE_BYTES = 2**20  # hashing and parsing more would block the event loop
STATUS = {Outcome.WAITING: 202, Outcome.STORED: 202, Outcome.MISMATCHED: 202}

log = logging.getLogger(__name__)


class GitHubWebhooks(HTTPEndpoint):
    """Guarded by the signature of each delivery."""

    async def post(self, request: Request) -> Response:
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


async def _receive(request: Request) -> StoredDelivery:
    service: Service = request.app.service
    secrets = service.settings.github_secrets
    if not secrets:
        raise HTTPError(
            503, "no webhook secret is configured: set CHITTYGRAPH_GITHUB_WEBHOOK_SECRET"
        )
    signature = request.headers.get("x-hub-signature-256", "")
    if not signature.startswith("sha256="):
        raise HTTPError(401, "X-Hub-Signature-256 is missing: give the webhook its secret")
    declared = request.headers.get("content-length", "").encode("latin-1")
    body = await bounded_body.of_request(request.receive, declared, MAX_BODY_BYTES)
    if not await _run_off_loop(len(body), lambda: is_signed(body, signature, secrets)):
        raise HTTPError(401, "X-Hub-Signature-256 does not match any configured secret")
    event, delivery_id = _headers(request)
    try:
        parsed = await _run_off_loop(
            len(body), lambda: deliveries.parse(body, event=event, delivery_id=delivery_id)
        )
        stored = await deliveries.apply(service.db, parsed, mint=service.operations.mint)
    except InvalidDelivery as invalid:
        raise HTTPError(400, str(invalid)) from None
    except Unavailable as unavailable:
        raise HTTPError(503, str(unavailable)) from unavailable
    _log(parsed, stored)
    return stored


def is_signed(body: bytes, signature: str, secrets: tuple[str, ...]) -> bool:
    """Whether one of the secrets made the signature, in constant time."""
    received = signature.encode("utf-8", "surrogateescape")
    matches = 0
    for secret in secrets:
        expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        matches += hmac.compare_digest(expected.encode(), received)
    return matches > 0


def _headers(request: Request) -> tuple[str, str]:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPError(415, "choose application/json as the webhook's content type")
    event = request.headers.get("x-github-event")
    delivery_id = request.headers.get("x-github-delivery")
    if event is None or delivery_id is None:
        raise HTTPError(400, "X-GitHub-Event and X-GitHub-Delivery are both needed")
    return event, delivery_id


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
    return JSONResponse(refusal.body, refusal.status)


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
