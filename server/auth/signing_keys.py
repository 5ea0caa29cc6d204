"""The keys that verify tokens (RFC 7517): from the settings' URL, never from a token's `jku` or `x5u`."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import httpx2

from db.model import strict_json
from server.auth.token_errors import RETRY_SECONDS, KeysUnavailable
from server.http import bounded_body

FETCH_SECONDS = 5.0
FRESH_SECONDS = 600.0
UNAVAILABLE = "tokens cannot be verified now: try again later"
MAX_BYTES = 256 * 2**10
# By the first two letters of an algorithm (RFC 7518, section 3.1; RFC 8037).
KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
CURVES = {"ES256": ("P-256",), "ES384": ("P-384",), "ES512": ("P-521",)}

Key: TypeAlias = Mapping[str, Any]
"""One JSON Web Key."""

log = logging.getLogger(__name__)


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
        self._keys: Sequence[Key] = ()
        self._has_failed = False  # the last fetch
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        # trust_env: proxies and credentials come from the settings, never from the environment.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        self._client = httpx2.AsyncClient(headers=headers, timeout=None, trust_env=False)

    async def get(self, key_id: str | None, *, is_tried: bool = False) -> Sequence[Key]:
        """The keys that may have signed a token with this id. Raises KeysUnavailable.

        These are the keys with this id, which several may share, or else those without any; all if `key_id`
        is None. `is_tried` says that none of those verified the token, so that others are fetched.
        """
        now = self._clock()
        is_stale = now - self._fetched_at > FRESH_SECONDS
        is_needed = is_tried or not self._has(key_id)
        # Only now and then: a client that invents ids must not make us flood the issuer.
        if (is_stale or is_needed) and now - self._tried_at > RETRY_SECONDS:
            self._tried_at = now
            self._fetching = asyncio.ensure_future(self._fetch())
        is_too_old = now - self._fetched_at > self.MAX_AGE_SECONDS
        if (is_needed or is_too_old) and self._fetching and not self._fetching.done():
            await asyncio.shield(self._fetching)
        if self._clock() - self._fetched_at > self.MAX_AGE_SECONDS:
            raise KeysUnavailable(UNAVAILABLE)
        if key_id is None:
            return self._keys
        exact = [key for key in self._keys if key.get("kid") == key_id]
        return exact or [key for key in self._keys if key.get("kid") is None]

    def require_current(self, key_id: str | None) -> None:
        """Raise KeysUnavailable if the issuer may have a key with this id that could not be fetched."""
        if self._has_failed and (key_id is None or not self._has(key_id)):
            raise KeysUnavailable(UNAVAILABLE)

    async def refresh(self) -> None:
        """Fetch the keys now; those from before stay if that fails."""
        self._tried_at = self._clock()
        self._fetching = asyncio.ensure_future(self._fetch())
        await asyncio.shield(self._fetching)

    async def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
        await self._client.aclose()

    def _has(self, key_id: str | None) -> bool:
        return any(key_id is None or key.get("kid") == key_id for key in self._keys)

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                keys = _parse(await self._body())
        except (httpx2.HTTPError, TimeoutError, ValueError) as error:
            reason = str(error) if isinstance(error, _UnusableKeySet) else type(error).__name__
            log.warning("signing keys not fetched", extra={"url": self._url, "reason": reason})
            self._has_failed = True
            return
        self._keys = keys
        self._has_failed = False
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


def fits(key: Key, algorithm: str) -> bool:
    """Whether a key may verify signatures of an algorithm, by its type, curve and purpose."""
    operations = key.get("key_ops")
    return (
        key["kty"] == KEY_TYPES[algorithm[:2]]
        and key.get("alg") in (None, algorithm)
        and key.get("crv") in CURVES.get(algorithm, (key.get("crv"),))
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
    )


def _parse(body: bytes) -> Sequence[Key]:
    """The keys of a set that can verify signatures; raises ValueError if there are none."""
    try:
        key_set = strict_json.parse(body.decode())
    except strict_json.RepeatedKey:
        raise _UnusableKeySet("a name comes twice in one object") from None
    listed = key_set.get("keys") if isinstance(key_set, dict) else None
    keys = [
        key
        for key in (listed if isinstance(listed, list) else ())
        if isinstance(key, dict)
        and isinstance(key.get("kid"), str | None)
        and key.get("use") in (None, "sig")
        and key.get("kty") in KEY_TYPES.values()
    ]
    if not keys:
        raise _UnusableKeySet("no key that verifies signatures")
    return keys
