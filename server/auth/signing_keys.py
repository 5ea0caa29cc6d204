"""The keys that verify tokens (RFC 7517): from the settings' URL, never from a token's `jku` or `x5u`."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import httpx2
import orjson

from server.http import bounded_body

FETCH_SECONDS = 5.0
FRESH_SECONDS = 600.0
RETRY_SECONDS = 30.0
MAX_BYTES = 256 * 2**10

Key: TypeAlias = Mapping[str, Any]
"""One JSON Web Key."""

log = logging.getLogger(__name__)


class KeysUnavailable(Exception):
    """Raised while the keys cannot be fetched and none are cached."""


class SigningKeys:
    """The keys at `url` by id, cached for ten minutes, or for an hour while they cannot be fetched.

    `seconds` limits the duration of a fetch; `clock` is monotonic, in seconds.
    """

    MAX_AGE_SECONDS = 3_600.0

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
        # trust_env: proxies and credentials come from the settings, never from the environment.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        self._client = httpx2.AsyncClient(headers=headers, timeout=None, trust_env=False)

    async def get(self, key_id: str | None) -> Key | None:
        """The key with this id, or the only key if `key_id` is None. Raises KeysUnavailable."""
        now = self._clock()
        is_stale = now - self._fetched_at > FRESH_SECONDS
        is_unknown = self._find(key_id) is None
        # Only now and then: a client that invents ids must not make us flood the issuer.
        if (is_stale or is_unknown) and now - self._tried_at > RETRY_SECONDS:
            self._tried_at = now
            self._fetching = asyncio.ensure_future(self._fetch())
        is_too_old = now - self._fetched_at > self.MAX_AGE_SECONDS
        if (is_unknown or is_too_old) and self._fetching and not self._fetching.done():
            await asyncio.shield(self._fetching)
        if self._clock() - self._fetched_at > self.MAX_AGE_SECONDS:
            raise KeysUnavailable("tokens cannot be verified now: try again later")
        return self._find(key_id)

    async def close(self) -> None:
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
                keys = _parse(await self._body())
        except (httpx2.HTTPError, TimeoutError, ValueError) as error:
            reason = str(error) if isinstance(error, _UnusableKeySet) else type(error).__name__
            log.warning("signing keys not fetched", extra={"url": self._url, "reason": reason})
            return
        self._keys = keys
        self._fetched_at = self._clock()
        log.info("signing keys fetched", extra={"keys": len(keys)})

    async def _body(self) -> bytes:
        async with self._client.stream("GET", self._url) as response:
            if response.status_code != 200:
                raise _UnusableKeySet(f"status {response.status_code}")
            try:
                return await bounded_body.of_response(response, MAX_BYTES)
            except bounded_body.TooLong as error:
                raise _UnusableKeySet(str(error)) from None


class _UnusableKeySet(ValueError):
    """The message does not quote the response."""


def _parse(body: bytes) -> Mapping[str | None, Key]:
    """The keys of a set that can verify signatures; raises ValueError if there are none."""
    key_set = orjson.loads(body)
    listed = key_set.get("keys") if isinstance(key_set, dict) else None
    keys = {
        key.get("kid"): key
        for key in (listed if isinstance(listed, list) else ())
        if isinstance(key, dict)
        and isinstance(key.get("kid"), str | None)
        and key.get("use") in (None, "sig")
        and key.get("kty") in ("RSA", "EC", "OKP")
    }
    if not keys:
        raise _UnusableKeySet("no key that verifies signatures")
    return keys
