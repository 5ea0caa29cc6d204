"""A client of the identity authority, an HTTP service that mints ChittyIDs."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2
import orjson

from db.errors import Unavailable
from db.model import chitty_id
from server.http import bounded_body
from server.identity.circuit_breaker import CircuitBreaker, CircuitOpen
from server.telemetry import trace_context
from server.telemetry.logs import request_id

# The authority's own classes, sent as `entityType`; some versions read our word in `type` instead. To the
# authority, actors and contexts are persons, natural or synthetic; the rest are things.
ENTITY_TYPES = {"ACTOR": "P", "CONTEXT": "P", "INSTALLATION": "T"}
ID_NAMES = ("chittyId", "chitty_id", "id")

TRIES = 2
SECONDS = 3.0
MAX_BYTES = 64 * 2**10
RETRYABLE = {408, 425, 429}  # the 4xx that depend on the moment, not on the request

NO_RESPONSE = (
    "the identity authority does not respond: try again later, or give a ChittyID that it minted"
)
REFUSED = "the identity authority refuses to mint: give a ChittyID that it minted, or check the log"

log = logging.getLogger(__name__)


class NoUsableResponse(Exception):
    """Raised without a usable response; another try may get one."""


class MintingRefused(Exception):
    """Raised if the authority refuses; another try would not change that."""


class Authority:
    """Sends `token`, if any, as a Bearer token; each of at most two tries may take `seconds`."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._seconds = seconds
        self._breaker = CircuitBreaker("identity authority", NoUsableResponse, clock=clock)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        # trust_env: proxies and credentials come from the settings, never from the environment.
        self._client = httpx2.AsyncClient(headers=headers, timeout=None, trust_env=False)

    async def mint(self, entity_type: str) -> str:
        """A new ChittyID for a type such as ACTOR; raises Unavailable if none can be minted now."""
        try:
            with self._breaker.call():
                return await self._mint_with_retry(entity_type)
        except CircuitOpen:
            raise Unavailable(NO_RESPONSE) from None
        except NoUsableResponse as error:
            extra = {"type": entity_type, "reason": str(error)}
            log.warning("chitty id not minted", extra=extra)
            raise Unavailable(NO_RESPONSE) from None
        except MintingRefused as error:
            extra = {"type": entity_type, "reason": str(error)}
            log.error("chitty id refused", extra=extra)
            raise Unavailable(REFUSED) from None

    async def close(self) -> None:
        await self._client.aclose()

    async def _mint_with_retry(self, entity_type: str) -> str:
        request = {"entityType": ENTITY_TYPES[entity_type], "type": entity_type}
        # The same key each time: a request whose response was lost must not mint a second id.
        key = str(uuid4())
        for _ in range(TRIES - 1):
            try:
                return await self._post(request, key)
            except NoUsableResponse:
                continue
        return await self._post(request, key)

    async def _post(self, request: dict[str, str], key: str) -> str:
        trace = trace_context.outgoing_headers(request_id.get())
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream(
                    "POST", self._url, json=request, headers={"Idempotency-Key": key, **trace}
                ) as response,
            ):
                _check_status(response.status_code)
                body = await bounded_body.of_response(response, MAX_BYTES)
        except bounded_body.TooLong as error:
            raise NoUsableResponse(f"a response of {error}") from None
        except TimeoutError:
            raise NoUsableResponse(f"no response within {self._seconds:g} s") from None
        except httpx2.HTTPError as error:
            raise NoUsableResponse(f"no response: {type(error).__name__}") from None
        return _minted_id(body)


def _check_status(status: int) -> None:
    if 300 <= status < 400:
        raise MintingRefused(
            f"redirect {status}: set CHITTYGRAPH_CHITTYID_URL to the URL that it leads to"
        )
    if status >= 500 or status in RETRYABLE:
        raise NoUsableResponse(f"status {status}")
    if status >= 400:
        raise MintingRefused(f"status {status}")


def _minted_id(body: bytes) -> str:
    try:
        response: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NoUsableResponse("a response that is not JSON") from None
    if not isinstance(response, dict):
        raise NoUsableResponse("a response that is not a JSON object")
    if response.get("success") is False:  # a refusal, though the status says success
        raise MintingRefused("a response whose success is false")
    value = next((response[name] for name in ID_NAMES if response.get(name) is not None), None)
    if not isinstance(value, str):
        raise NoUsableResponse(f"a response without any of {', '.join(ID_NAMES)}")
    # Nothing else that the authority sends may reach a client or a log.
    minted = chitty_id.normalise(value)
    if problem := chitty_id.problem(minted):
        raise NoUsableResponse(f"a response with a ChittyID that {problem}")
    return minted
