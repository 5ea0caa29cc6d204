"""The identity authority: ChittyIDs minted by its HTTP service.

An id is asked for by POST of {"entityType": …, "type": …}. `entityType` is a letter of the authority's own
classes, `type` this registry's word for the same, which some versions read instead. The answer holds the
new id as chittyId, chitty_id or id; {"success": false} is a refusal, whatever its status. Of what the
authority sends only a well formed id ever reaches a client or a log.
"""

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
from server.identity.circuit_breaker import Breaker, Open
from server.telemetry import trace_context
from server.telemetry.logs import request_id

# Who acts, or is worked in, is a person to the authority, natural or synthetic; the rest are things.
ENTITY_TYPES = {"ACTOR": "P", "CONTEXT": "P", "INSTALLATION": "T"}
SPELLINGS = ("chittyId", "chitty_id", "id")

TRIES = 2
SECONDS = 3.0
MAX_BYTES = 64 * 2**10
PASSING = {408, 425, 429}  # the 4xx that speak of the moment and not of the request

SILENT = (
    "the identity authority gives no answer: try again later, or give a ChittyID that it minted"
)
REFUSED = (
    "the identity authority refuses to mint: give a ChittyID that it minted, or have the log read"
)

log = logging.getLogger(__name__)


class Silent(Exception):
    """Raised when no usable answer came; the next try may get one."""


class Refusing(Exception):
    """Raised when the authority said no; asking again would not change that."""


class Authority:
    """A client of the service at `url`, where ids are minted by POST.

    `token` is sent as a Bearer token where there is one. Each of the two requests that an id may take
    has `seconds`; `clock` is the breaker's.
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
        self._seconds = seconds
        self._breaker = Breaker("identity authority", Silent, clock=clock)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        # Neither a proxy nor credentials come from the environment: settings alone say what is used.
        self._client = httpx2.AsyncClient(headers=headers, timeout=None, trust_env=False)

    async def mint(self, kind: str) -> str:
        """A new ChittyID of a type (as ACTOR); raises Unavailable when there is none to be had now."""
        try:
            with self._breaker.guarding():
                return await self._ask_twice(kind)
        except Open:
            raise Unavailable(SILENT) from None
        except Silent as silent:
            extra = {"kind": kind, "reason": str(silent)}
            log.warning("chitty id not minted", extra=extra)
            raise Unavailable(SILENT) from None
        except Refusing as refusing:
            extra = {"kind": kind, "reason": str(refusing)}
            log.error("chitty id refused", extra=extra)
            raise Unavailable(REFUSED) from None

    async def close(self) -> None:
        """Close the connections to the authority."""
        await self._client.aclose()

    async def _ask_twice(self, kind: str) -> str:
        asked = {"entityType": ENTITY_TYPES[kind], "type": kind}
        # The same key both times: a request whose answer was lost must not mint a second id.
        key = str(uuid4())
        for _ in range(TRIES - 1):
            try:
                return await self._ask(asked, key)
            except Silent:
                continue
        return await self._ask(asked, key)

    async def _ask(self, asked: dict[str, str], key: str) -> str:
        trace = trace_context.outgoing_headers(request_id.get())
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream(
                    "POST", self._url, json=asked, headers={"Idempotency-Key": key, **trace}
                ) as response,
            ):
                _check_status(response.status_code)
                body = await bounded_body.of_response(response, MAX_BYTES)
        except bounded_body.TooLong as too_long:
            raise Silent(f"an answer of {too_long}") from None
        except TimeoutError:
            raise Silent(f"no answer within {self._seconds:g} s") from None
        except httpx2.HTTPError as error:
            raise Silent(f"no answer: {type(error).__name__}") from None
        return _minted(body)


def _check_status(status: int) -> None:
    if 300 <= status < 400:
        raise Refusing(f"redirect {status}: set CHITTYGRAPH_CHITTYID_URL to where it leads")
    if status >= 500 or status in PASSING:
        raise Silent(f"status {status}")
    if status >= 400:
        raise Refusing(f"status {status}")


def _minted(body: bytes) -> str:
    try:
        answer: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Silent("an answer that is not JSON") from None
    if not isinstance(answer, dict):
        raise Silent("an answer that is no JSON object")
    if answer.get("success") is False:
        raise Refusing("an answer that says success is false")
    found = next((answer[name] for name in SPELLINGS if answer.get(name) is not None), None)
    if not isinstance(found, str):
        raise Silent(f"an answer without any of {', '.join(SPELLINGS)}")
    minted = chitty_id.normalise(found)
    if problem := chitty_id.problem(minted):
        raise Silent(f"an answer with a ChittyID that {problem}")
    return minted
