"""A client of the identity authority, an HTTP service that mints ChittyIDs."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import orjson

from db.errors import Unavailable
from db.model import chitty_id
from resolvers.minting import MintRefused
from server.http import bounded_body
from server.identity.circuit_breaker import CircuitBreaker, CircuitOpen
from server.settings import GET_CHITTYID
from server.telemetry import trace_context
from server.telemetry.logs import request_id

# The authority's own classes, sent as `entityType`; some versions read our word in `type` instead. To the
# authority, actors and contexts are persons, natural or synthetic; the rest are things.
ENTITY_TYPES = {"ACTOR": "P", "CONTEXT": "P", "INSTALLATION": "T"}
# Its words for them, which it takes by GET: in `type`, and in `for` before it knew `type`.
ENTITY_WORDS = {"P": "person", "T": "thing"}
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
    """Sends `token`, if any, as a Bearer token; each of at most two tries may take `seconds`.

    A URL that ends in /get-chittyid is asked by GET, any other by POST.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._by_get = urlsplit(url).path.endswith(GET_CHITTYID)
        self._seconds = seconds
        self._last_failure: str | None = None
        self._breaker = CircuitBreaker("identity authority", NoUsableResponse, clock=clock)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        # trust_env: proxies and credentials come from the settings, never from the environment.
        self._client = httpx2.AsyncClient(headers=headers, timeout=None, trust_env=False)

    async def mint(self, entity_type: str) -> str:
        """A new ChittyID for a type such as ACTOR; raises Unavailable, MintRefused if that stays so."""
        try:
            with self._breaker.call():
                minted = await self._mint_with_retry(entity_type)
        except CircuitOpen:
            raise Unavailable(NO_RESPONSE) from None
        except NoUsableResponse as error:
            if self._begins("no response"):  # which may have many reasons
                extra = {"type": entity_type, "reason": str(error)}
                log.warning("chitty id not minted", extra=extra)
            raise Unavailable(NO_RESPONSE) from None
        except MintingRefused as error:
            if self._begins(f"refused: {error}"):
                extra = {"type": entity_type, "reason": str(error)}
                log.error("chitty id refused", extra=extra)
            raise MintRefused(REFUSED, str(error)) from None
        self._last_failure = None
        return minted

    def _begins(self, failure: str) -> bool:
        """Whether this is another failure than the last one, or the first since an id."""
        last, self._last_failure = self._last_failure, failure
        return failure != last

    async def close(self) -> None:
        await self._client.aclose()

    async def _mint_with_retry(self, entity_type: str) -> str:
        # The same key each time: a request whose response was lost must not mint a second id.
        key = str(uuid4())
        for _ in range(TRIES - 1):
            try:
                return await self._request(entity_type, key)
            except NoUsableResponse:
                continue
        return await self._request(entity_type, key)

    async def _request(self, entity_type: str, key: str) -> str:
        headers = {"Idempotency-Key": key, **trace_context.outgoing_headers(request_id.get())}
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._send(entity_type, headers) as response,
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

    def _send(
        self, entity_type: str, headers: dict[str, str]
    ) -> AbstractAsyncContextManager[httpx2.Response]:
        entity = ENTITY_TYPES[entity_type]
        if not self._by_get:
            body = {"entityType": entity, "type": entity_type}
            return self._client.stream("POST", self._url, json=body, headers=headers)
        word = ENTITY_WORDS[entity]
        headers = {**headers, "Cache-Control": "no-store"}  # a cached id would be somebody else's
        return self._client.stream(
            "GET", self._url, params={"type": word, "for": word}, headers=headers
        )


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
    if response.get(
        "fallback"
    ):  # it could not mint, and hands out a code of the error in an id's form
        raise NoUsableResponse("a response with a fallback id, which names no entity")
    value = next((response[name] for name in ID_NAMES if response.get(name) is not None), None)
    if not isinstance(value, str):
        raise NoUsableResponse(f"a response without any of {', '.join(ID_NAMES)}")
    # Nothing else that the authority sends may reach a client or a log.
    minted = chitty_id.normalise(value)
    if problem := chitty_id.problem(minted):
        raise NoUsableResponse(f"a response with a ChittyID that {problem}")
    return minted
