"""JSON Web Tokens (RFC 7519, RFC 8725): whom a token names, where the settings pin all that may vary.

The algorithms, the issuer, the audience and where the keys are come from the settings; a token that
says otherwise is refused, and one without an expiry, a time of issue or a subject as well.
"""

import hashlib
import re
import time
from collections.abc import Callable, Sequence

import jwt
from cachetools import LRUCache

from server.auth.signing_keys import SigningKeys

LEEWAY_SECONDS = 30
LONGEST = 8_192
KEPT, KEPT_SECONDS = 10_000, 60.0
REQUIRED = ("exp", "iat", "sub")
_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair, which no text is stored with


class Invalid(Exception):
    """Raised for a token that proves nothing; the message says why, and none of what it holds."""


class Tokens:
    """Verifies tokens; one that was verified is taken for a minute without looking at it again.

    `now` gives the seconds since 1970 that expiries are compared with.
    """

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
        self._verified: LRUCache[bytes, tuple[str, float]] = LRUCache(KEPT)

    async def named(self, token: str) -> tuple[str, float]:
        """The name that a token gives its bearer, and until when that may be taken for true.

        Raises Invalid, and NoKeys from the keys.
        """
        if len(token) > LONGEST:
            raise Invalid(f"the token is longer than {LONGEST} characters")
        digest = hashlib.sha256(token.encode()).digest()
        verified = self._verified.get(digest)
        if verified is not None and self._now() < verified[1]:
            return verified
        claims = await self._claims(token)
        named = claims.get(self._claim)
        if not isinstance(named, str) or not named or _HALF.search(named):
            raise Invalid(f"the token has no text in its claim {self._claim}")
        expires = float(str(claims["exp"])) + LEEWAY_SECONDS
        found = named, min(expires, self._now() + KEPT_SECONDS)
        self._verified[digest] = found
        return found

    async def _claims(self, token: str) -> dict[str, object]:
        try:
            head = jwt.get_unverified_header(token)
            if head.get("alg") not in self._algorithms:
                raise Invalid(f"the token must be signed with {' or '.join(self._algorithms)}")
            key = await self._keys.get(head.get("kid"))
            if key is None:
                raise Invalid("the token is signed with a key that its issuer does not publish")
            # A key that does not say what for is taken for what the settings allow.
            if key.get("alg", head["alg"]) != head["alg"]:
                raise Invalid(f"the token's key is not for {head['alg']}")
            return jwt.decode(
                token,
                jwt.PyJWK(dict(key), head["alg"]),
                algorithms=self._algorithms,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED), "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as error:
            raise Invalid(_reason(error)) from None


def _reason(error: jwt.PyJWTError) -> str:
    match error:
        case jwt.ExpiredSignatureError():
            return "the token has expired: get a new one"
        case jwt.ImmatureSignatureError():
            return "the token is not valid yet"
        case jwt.InvalidAudienceError():
            return "the token is not meant for this service"
        case jwt.InvalidIssuerError():
            return "the token comes from another issuer"
        case jwt.MissingRequiredClaimError():
            return f"the token lacks the claim {error.claim}"
        case _:
            return "the token is not valid"
