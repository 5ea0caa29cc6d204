"""The keys that tokens are signed with: a JSON Web Key Set, fetched from where the settings say.

What a token says of where its key is (`jku`, `x5u`) is never looked at. RFC 7517.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import httpx2
import orjson

from server.http import bounded_body

FETCH_SECONDS = 5.0
KEPT_SECONDS = 600.0
COOL_DOWN_SECONDS = 30.0
MAX_BYTES = 256 * 2**10

Key: TypeAlias = Mapping[str, Any]
"""One JSON Web Key."""

log = logging.getLogger(__name__)


class NoKeys(Exception):
    """Raised when the keys cannot be had now, and none are kept."""


class SigningKeys:
    """The keys at `url`, by their ids, kept for ten minutes.

    A token with an unknown id has them fetched anew, but not more often than every 30 seconds: whoever
    makes ids up would else have us ask for each. Keys that are kept stay in use while none are to be
    had, an hour at most. A fetch has `seconds`; `clock` gives seconds that never run back.
    """

    LONGEST_SECONDS = 3_600.0

    def __init__(
        self,
        url: str,
        *,
        seconds: float = FETCH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._seconds = seconds
        self._clock = clock
        self._keys: Mapping[str | None, Key] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        # Neither a proxy nor credentials come from the environment: settings alone say what is used.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        self._client = httpx2.AsyncClient(headers=headers, timeout=None, trust_env=False)

    async def get(self, key_id: str | None) -> Key | None:
        """The key with this id; without one, the only key there is. None for an unknown one.

        Raises NoKeys when there are none to look among.
        """
        now = self._clock()
        is_old = now - self._fetched_at > KEPT_SECONDS
        is_unknown = self._find(key_id) is None
        if (is_old or is_unknown) and now - self._tried_at > COOL_DOWN_SECONDS:
            self._tried_at = now
            self._fetching = asyncio.ensure_future(self._fetch())
        is_too_old = now - self._fetched_at > self.LONGEST_SECONDS
        if (is_unknown or is_too_old) and self._fetching and not self._fetching.done():
            await asyncio.shield(self._fetching)
        if self._clock() - self._fetched_at > self.LONGEST_SECONDS:
            raise NoKeys("the keys that tokens are signed with cannot be had now: try again later")
        return self._find(key_id)

    async def close(self) -> None:
        """Stop fetching, and close the connections."""
        if self._fetching is not None:
            self._fetching.cancel()
        await self._client.aclose()

    def _find(self, key_id: str | None) -> Key | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                found = _read(await self._body())
        except (httpx2.HTTPError, TimeoutError, ValueError) as error:
            reason = str(error) if isinstance(error, _Unusable) else type(error).__name__
            log.warning("signing keys not fetched", extra={"url": self._url, "reason": reason})
            return
        self._keys = found
        self._fetched_at = self._clock()
        log.info("signing keys fetched", extra={"keys": len(found)})

    async def _body(self) -> bytes:
        async with self._client.stream("GET", self._url) as response:
            if response.status_code != 200:
                raise _Unusable(f"status {response.status_code}")
            try:
                return await bounded_body.of_response(response, MAX_BYTES)
            except bounded_body.TooLong as too_long:
                raise _Unusable(str(too_long)) from None


class _Unusable(ValueError):
    """Raised for an answer that holds no keys; the message tells none of it."""


def _read(body: bytes) -> Mapping[str | None, Key]:
    """The keys of a set that signatures may be verified with; raises ValueError where it has none."""
    answer = orjson.loads(body)
    listed = answer.get("keys") if isinstance(answer, dict) else None
    found = {
        key.get("kid"): key
        for key in (listed if isinstance(listed, list) else ())
        if isinstance(key, dict)
        and isinstance(key.get("kid"), str | None)
        and key.get("use") in (None, "sig")
        and key.get("kty") in ("RSA", "EC", "OKP")
    }
    if not found:
        raise _Unusable("no key that verifies signatures")
    return found
