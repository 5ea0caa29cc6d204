"""JSON Web Tokens (RFC 7519), verified as RFC 8725 advises: by our settings, not by what a token asks for."""

import hashlib
import re
import time
from collections.abc import Callable, Sequence

import jwt
from cachetools import LRUCache

from server.auth.signing_keys import SigningKeys

LEEWAY_SECONDS = 30
MAX_CHARACTERS = 8_192
TOKENS_KEPT, SECONDS_KEPT = 10_000, 60.0
REQUIRED = ("exp", "iat", "sub")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # cannot be encoded, so no stored text has one


class InvalidToken(Exception):
    """The message says why verification failed, without quoting the token."""


class TokenVerifier:
    """Verifies tokens, and trusts each for a minute before it verifies it again. `now` is Unix time."""

    def __init__(
        self,
        keys: SigningKeys,
        *,
        issuer: str,
        audience: str,
        algorithms: Sequence[str],
        claim: str = "sub",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._algorithms = list(algorithms)
        self._claim = claim
        self._now = now
        self._verified: LRUCache[bytes, tuple[str, float]] = LRUCache(TOKENS_KEPT)

    async def verify(self, token: str) -> tuple[str, float]:
        """The subject, and until when (Unix time) to trust that. Raises InvalidToken or KeysUnavailable."""
        if len(token) > MAX_CHARACTERS:
            raise InvalidToken(f"the token is longer than {MAX_CHARACTERS} characters")
        digest = hashlib.sha256(token.encode()).digest()
        verified = self._verified.get(digest)
        if verified is not None and self._now() < verified[1]:
            return verified
        claims = await self._claims(token)
        subject = claims.get(self._claim)
        if not isinstance(subject, str) or not subject or _LONE_SURROGATE.search(subject):
            raise InvalidToken(f"the token has no text in its claim {self._claim}")
        expires_at = float(str(claims["exp"])) + LEEWAY_SECONDS
        verified = subject, min(expires_at, self._now() + SECONDS_KEPT)
        self._verified[digest] = verified
        return verified

    async def _claims(self, token: str) -> dict[str, object]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in self._algorithms:
                raise InvalidToken(f"the token must be signed with {' or '.join(self._algorithms)}")
            key = await self._keys.get(header.get("kid"))
            if key is None:
                raise InvalidToken("the token's signing key is not one that its issuer publishes")
            # A key without `alg` may be used with any of the settings' algorithms.
            if key.get("alg", header["alg"]) != header["alg"]:
                raise InvalidToken(f"the token's signing key is not for {header['alg']}")
            return jwt.decode(
                token,
                jwt.PyJWK(dict(key), header["alg"]),
                algorithms=self._algorithms,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED), "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as error:
            raise InvalidToken(_reason(error)) from None


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
