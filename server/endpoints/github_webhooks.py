"""POST /webhooks/github: signed events of the GitHub App, answered once they are on the disk."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Callable
from typing import TypeVar

from starlette.endpoints import HTTPEndpoint
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from db.commands.webhook_deliveries import Kept, Outcome
from db.errors import Unavailable
from resolvers.github import deliveries
from resolvers.github.deliveries import Unacceptable
from server.http import error_bodies
from server.telemetry import logs

T = TypeVar("T")

PATH = "/webhooks/github"
MAX_BODY_BYTES = 25 * 2**20  # GitHub sends no more
INLINE_BYTES = 2**20  # digests and JSON beyond this would hold the event loop up
STATUS = {Outcome.WAITING: 202, Outcome.STORED: 202, Outcome.MISMATCHED: 202}

log = logging.getLogger(__name__)


class Refusal(Exception):
    """Raised when a delivery is not accepted: the status and the sentence to answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class GitHubWebhooks(HTTPEndpoint):
    """Takes deliveries; reads `db`, `mint` and `settings.github_secrets` of the application."""

    async def post(self, request: Request) -> Response:
        """Keep one delivery and answer what became of it."""
        try:
            kept = await _receive(request)
        except Refusal as refusal:
            return _refuse(request, refusal)
        return JSONResponse(
            {"outcome": kept.outcome.value}, status_code=STATUS.get(kept.outcome, 200)
        )

    async def method_not_allowed(self, request: Request) -> Response:
        """Any other method: as JSON, like every answer here."""
        message = f"{request.method} is not taken here: deliveries come by POST"
        return JSONResponse(error_bodies.body(405, message), 405, headers={"Allow": "POST"})


def routes() -> list[Route]:
    """Where deliveries go."""
    return [Route(PATH, GitHubWebhooks)]


async def _receive(request: Request) -> Kept:
    secrets: tuple[str, ...] = request.app.settings.github_secrets
    if not secrets:
        raise Refusal(503, "no webhook secret is configured: set CHITTYGRAPH_GITHUB_WEBHOOK_SECRET")
    signature = request.headers.get("x-hub-signature-256", "")
    if not signature.startswith("sha256="):
        raise Refusal(401, "X-Hub-Signature-256 is missing: give the webhook its secret")
    body = await _body(request)
    if not await _off_loop(len(body), lambda: is_signed(body, signature, secrets)):
        raise Refusal(401, "X-Hub-Signature-256 does not match any configured secret")
    event, delivery_id = _headers(request)
    try:
        reading = await _off_loop(
            len(body), lambda: deliveries.read(body, event=event, delivery_id=delivery_id)
        )
        app = request.app
        kept = await deliveries.keep(app.db, reading, mint=app.mint)
    except Unacceptable as unacceptable:
        raise Refusal(400, str(unacceptable)) from None
    except Unavailable as unavailable:
        raise Refusal(503, str(unavailable)) from unavailable
    _log(reading, kept)
    return kept


def is_signed(body: bytes, signature: str, secrets: tuple[str, ...]) -> bool:
    """Whether one of the secrets made the signature; takes as long whichever did, or none."""
    given = signature.encode("utf-8", "surrogateescape")
    matches = 0
    for secret in secrets:
        made = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        matches += hmac.compare_digest(made.encode(), given)
    return matches > 0


async def _body(request: Request) -> bytes:
    too_long = Refusal(413, f"the body has more than {MAX_BODY_BYTES} bytes")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MAX_BODY_BYTES:
        raise too_long
    body = bytearray()
    try:
        async for chunk in request.stream():
            if len(body) + len(chunk) > MAX_BODY_BYTES:
                raise too_long
            body += chunk
    except ClientDisconnect:
        raise Refusal(400, "the body ended early") from None
    return bytes(body)


def _headers(request: Request) -> tuple[str, str]:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refusal(415, "choose application/json as the webhook's content type")
    event = request.headers.get("x-github-event")
    delivery_id = request.headers.get("x-github-delivery")
    if event is None or delivery_id is None:
        raise Refusal(400, "X-GitHub-Event and X-GitHub-Delivery are both needed")
    return event, delivery_id


async def _off_loop(size: int, work: Callable[[], T]) -> T:
    return work() if size <= INLINE_BYTES else await asyncio.to_thread(work)


def _refuse(request: Request, refusal: Refusal) -> Response:
    level = logging.ERROR if refusal.status == 503 else logging.WARNING
    delivery = logs.shown(request.headers.get("x-github-delivery", ""))
    log.log(
        level,
        "webhook refused",
        extra={"status": refusal.status, "reason": refusal.message, "delivery": delivery},
    )
    return JSONResponse(error_bodies.body(refusal.status, refusal.message), refusal.status)


def _log(reading: deliveries.Reading, kept: Kept) -> None:
    delivery = reading.delivery
    log.info(
        "webhook kept",
        extra={
            "event": delivery.event,
            "action": delivery.action,
            "delivery": delivery.delivery_id,
            "installation": delivery.installation_id,
            "outcome": kept.outcome.value,
            "times": kept.times,
        },
    )
