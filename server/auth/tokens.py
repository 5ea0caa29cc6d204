"""JSON Web Tokens (RFC 7519), verified as RFC 8725 advises: by our settings, not by what a token asks for."""

import hashlib
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jwt
from cachetools import LRUCache

from server.auth import compact_tokens, signing_keys
from server.auth.compact_tokens import MalformedToken
from server.auth.signing_keys import Key, SigningKeys
from server.auth.token_errors import InvalidToken

LEEWAY_SECONDS = 30
TOKENS_KEPT, SECONDS_KEPT = 10_000, 60.0
MAX_NAME_CHARACTERS = 1_000  # of whom a token names, which is cached
MAX_KEYS_TRIED = 16
REQUIRED = ("exp", "iat", "sub")
TIMES = ("exp", "iat", "nbf")
LATEST_TIME = 253_402_300_799  # the last second of the year 9999
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # cannot be encoded, so no stored text has one


class TokenVerifier:
    """Verifies tokens, and trusts each for a minute before it verifies it again. `now` is Unix time."""

    def __init__(
        self,
        keys: SigningKeys,
        *,
        issuer: str,
        audiences: Sequence[str],
        algorithms: Sequence[str],
        claim: str = "sub",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audiences = list(audiences)
        self._algorithms = list(algorithms)
        self._claim = claim
        self._now = now
        self._verified: LRUCache[bytes, tuple[tuple[str, float], float]] = LRUCache(TOKENS_KEPT)

    async def reload(self) -> None:
        """Fetch the keys anew, and trust no token that was verified before."""
        await self._keys.refresh()
        self._verified.clear()

    async def verify(self, token: str) -> tuple[str, float]:
        """The subject, and until when (Unix time) to trust that. Raises InvalidToken or KeysUnavailable."""
        digest = hashlib.sha256(token.encode()).digest()
        verified, since = self._verified.get(digest, (None, math.inf))
        # A clock that was set back says nothing about how long ago that was.
        if verified is not None and since <= self._now() < verified[1]:
            return verified
        claims = await self._claims(token)
        subject = claims.get(self._claim)
        if not isinstance(subject, str) or not subject or _LONE_SURROGATE.search(subject):
            raise InvalidToken(f"the token has no text in its claim {self._claim}")
        if len(subject) > MAX_NAME_CHARACTERS:
            raise InvalidToken(
                f"the token's claim {self._claim} is longer than {MAX_NAME_CHARACTERS} characters"
            )
        expires_at = float(claims["exp"]) + LEEWAY_SECONDS
        now = self._now()
        verified = subject, min(expires_at, now + SECONDS_KEPT)
        self._verified[digest] = verified, now
        return verified

    async def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            parsed = compact_tokens.parse(token)
        except MalformedToken as error:
            raise InvalidToken(f"the token {error}") from None
        algorithm, key_id = parsed.header.get("alg"), parsed.header.get("kid")
        if algorithm not in self._algorithms:
            raise InvalidToken(f"the token must be signed with {' or '.join(self._algorithms)}")
        if not isinstance(key_id, str | None):
            raise InvalidToken("the token is not valid: its key id must be a text")
        _check_times(parsed.claims)
        keys = await self._keys.get(key_id)
        claims = self._verified_claims(token, algorithm, keys)
        if claims is None and key_id is None:  # the issuer may have other keys by now
            keys = await self._keys.get(None, is_tried=True)
            claims = self._verified_claims(token, algorithm, keys)
        if claims is None:
            self._keys.require_current(key_id)
            raise InvalidToken(_why_unverified(algorithm, keys))
        return claims

    def _verified_claims(
        self, token: str, algorithm: str, keys: Sequence[Key]
    ) -> Mapping[str, Any] | None:
        """The claims if one of the keys made the signature; raises InvalidToken if they do not suffice."""
        fitting = [key for key in keys if signing_keys.fits(key, algorithm)]
        for key in fitting[:MAX_KEYS_TRIED]:
            try:
                return jwt.decode(
                    token,
                    jwt.PyJWK(dict(key), algorithm),
                    algorithms=[algorithm],
                    audience=self._audiences,
                    issuer=self._issuer,
                    leeway=LEEWAY_SECONDS,
                    options={"require": list(REQUIRED), "enforce_minimum_key_length": True},
                )
            except (jwt.InvalidSignatureError, jwt.InvalidKeyError, jwt.PyJWKError):
                continue  # or the key cannot be used: others may fit, too (RFC 7517, section 4.5)
            except jwt.PyJWTError as error:
                raise InvalidToken(_reason(error)) from None
        return None


def _check_times(claims: Mapping[str, Any]) -> None:
    """Raise InvalidToken unless times are numbers (RFC 7519, section 2): the library reads texts, too."""
    for name in TIMES:
        value = claims.get(name)
        if value is None:
            continue
        if type(value) not in (int, float) or not 0 <= value <= LATEST_TIME:
            raise InvalidToken(
                f"the token's claim {name} must be a number of seconds since 1970, before the year 10000"
            )


def _why_unverified(algorithm: str, keys: Sequence[Key]) -> str:
    if not keys:
        return "the token's signing key is not one that its issuer publishes"
    if not any(signing_keys.fits(key, algorithm) for key in keys):
        return f"the token's signing key is not for {algorithm}"
    return "the token is not valid"


def _reason(error: jwt.PyJWTError) -> str:
    match error:
        case jwt.ExpiredSignatureError():
            return "the token has expired: get a new one"
        case jwt.ImmatureSignatureError():
            return "the token is not valid yet"
        case jwt.InvalidAudienceError():
            return "the token is for another audience"
        case jwt.InvalidIssuerError():
            return "the token is from another issuer"
        case jwt.MissingRequiredClaimError():
            return f"the token lacks the claim {error.claim}"
        case _:
            return "the token is not valid"
