"""Forwards requests to the primary, and its responses to their clients."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
from starlette.types import Send

from db.errors import BootRefused
from server.http.errors import CODES, HTTPError
from server.setting_fields import variable
from server.telemetry import logs

if TYPE_CHECKING:
    import httpx2

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

FORWARDED = b"x-chittygraph-forwarded"  # of a request that a replica has forwarded
LAG = b"x-chittygraph-lag"  # of a replica's responses
CONNECT_SECONDS, SECONDS = 3.0, 30.0
MOST_CONNECTIONS, KEPT_SECONDS = 100, 30.0  # the primary keeps them for longer
MOST_BYTES = 64 * 2**20  # of a response
RETRY = {"retry-after": "1"}
# Of one connection only (RFC 9110, section 7.6.1), or what this server says for itself.
_HOP_BY_HOP = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade"),
        *(b"transfer-encoding", b"proxy-authenticate", b"proxy-authorization"),
    }
)
_NOT_FORWARDED = _HOP_BY_HOP | {
    *(b"host", b"content-length", b"expect", b"cookie", b"origin", FORWARDED, b"x-forwarded-for"),
    *(b"x-forwarded-host", b"x-forwarded-proto", b"forwarded"),
}
_NOT_PASSED_ON = _HOP_BY_HOP | {
    *(b"date", b"server", b"x-request-id", b"x-content-type-options", LAG),
    *(b"access-control-allow-origin", b"access-control-expose-headers", b"server-timing"),
}
IS_REPLICA = (
    f"{variable('primary')} leads to another replica, which forwards nothing for others: set it to the URL of"
    " the primary"
)
NOT_SENT = "the primary cannot be reached, so that nothing was written: try again later"
LOST = "the primary has not answered: the mutation may have been applied, or may be yet"
REPEAT = f"{LOST}; repeat it with the same Idempotency-Key, which is safe"
LOOK = f"{LOST}; read whether it was before you send it again, and send an Idempotency-Key with the next"
UNREAD = "the primary has not answered in time: try again"

log = logging.getLogger(__name__)


class NotReached(HTTPError):
    """The primary has not answered, 503; the message says whether anything may have been written."""

    def __init__(self, message: str) -> None:
        super().__init__(503, message, RETRY)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The primary's response, as its client gets it."""

    status: int
    headers: Headers
    body: bytes
    request_id: str = ""  # the primary's own, which its log has

    async def respond(self, send: Send) -> None:
        headers = [*self.headers, (b"content-length", b"%d" % len(self.body)), (LAG, b"0.000")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def header(self, name: bytes) -> str | None:
        return next((value.decode("latin-1") for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to forward. `is_safe` says that it writes nothing, `has_key` that it may be repeated."""

    method: str
    query_string: bytes
    headers: Headers
    body: bytes
    client: str
    is_safe: bool
    has_key: bool


class Primary:
    """The primary's API; `url` is that of its /graphql."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._transport: httpx2.AsyncHTTPTransport | None = None

    async def forward(self, request: Outgoing) -> Forwarded:
        """Have the primary answer.

        Raises NotReached if it does not, and HTTPError, 503, if it is a replica.
        """
        import httpx2

        unsent = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self._send(request)
        except unsent as error:
            raise self._failed(NOT_SENT if not request.is_safe else UNREAD, error) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError) as error:
            lost = UNREAD if request.is_safe else REPEAT if request.has_key else LOOK
            raise self._failed(lost, error) from None
        if answer.header(LAG) is not None:
            log.error("primary is a replica", extra={"primary": self.url})
            raise HTTPError(503, IS_REPLICA, RETRY)
        request_id = answer.header(b"x-request-id") or ""
        kept = [header for header in answer.headers if header[0] not in _NOT_PASSED_ON]
        return Forwarded(answer.status, kept, answer.body, request_id)

    async def refuse_replica(self) -> None:
        """Raise BootRefused if the primary is a replica; one that cannot be reached may come yet."""
        asked = Outgoing("GET", b"query=%7B__typename%7D", [], b"", "", is_safe=True, has_key=False)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self.forward(asked)
        except HTTPError as error:
            if str(error) == IS_REPLICA:
                raise BootRefused(IS_REPLICA) from None

    async def close(self) -> None:
        if self._transport is not None:
            await self._transport.aclose()

    def _failed(self, message: str, error: BaseException) -> NotReached:
        reason = str(error) or type(error).__name__
        log.warning("primary not reached", extra={"primary": self.url, "reason": reason[:200]})
        return NotReached(message)

    async def _send(self, request: Outgoing) -> Forwarded:
        import httpx2

        if self._transport is None:
            # Without a client, which would read proxies and credentials from the environment.
            self._transport = httpx2.AsyncHTTPTransport(
                trust_env=False,
                limits=httpx2.Limits(
                    max_connections=MOST_CONNECTIONS, keepalive_expiry=KEPT_SECONDS
                ),
                retries=0,
            )
        url = httpx2.URL(self.url).copy_with(query=request.query_string or None)
        sent = httpx2.Request(
            request.method,
            url,
            headers=[*_forwarded(request), (b"host", url.netloc)],
            content=request.body,
            extensions={"timeout": {"connect": CONNECT_SECONDS, "pool": CONNECT_SECONDS}},
        )
        response = await self._transport.handle_async_request(sent)
        try:
            body = await _read(response)
        finally:
            await response.aclose()
        headers = [(name.lower(), value) for name, value in response.headers.raw]
        without_length = [header for header in headers if header[0] != b"content-length"]
        return Forwarded(response.status_code, without_length, body)


def _forwarded(request: Outgoing) -> Iterable[tuple[bytes, bytes]]:
    for name, value in request.headers:
        if name not in _NOT_FORWARDED and not name.startswith((b"access-control-", b"sec-")):
            yield name, value
    yield FORWARDED, logs.request_id.get().encode()
    if request.client:
        yield b"x-forwarded-for", request.client.encode("latin-1")


async def _read(response: "httpx2.Response") -> bytes:
    import httpx2

    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MOST_BYTES:
            raise httpx2.ReadError(f"the response has more than {MOST_BYTES} bytes")
    return bytes(body)


def json_of(answer: Forwarded) -> dict[str, Any]:
    """The GraphQL response to a request that accepts JSON without compression.

    Raises HTTPError, with the primary's status and errors, if it is a refusal.
    """
    try:
        response = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        response = None
    if isinstance(response, dict) and "data" in response:
        return response
    status = answer.status if answer.status in CODES else 503
    refused = HTTPError(status, f"the primary has refused it with status {answer.status}")
    if isinstance(response, dict) and isinstance(response.get("errors"), list):
        refused.body = response
    raise refused
