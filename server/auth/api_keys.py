"""API keys as text: `cg_<key id>_<secret>`, of which only the SHA-256 of the secret is kept."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

PREFIX = "cg_"
SECRET_BYTES = 32
KEY_ID = re.compile("[0-9a-f]{12}")
_FORM = re.compile(rf"cg_({KEY_ID.pattern})_([\w-]{{43}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Presented:
    """A key as a client sent it."""

    key_id: str
    secret: str

    def proves(self, secret_sha256: str) -> bool:
        """Whether this is the key whose secret has that digest; takes as long either way."""
        return hmac.compare_digest(digest(self.secret), secret_sha256)


def new() -> Presented:
    """A new key."""
    return Presented(secrets.token_hex(6), secrets.token_urlsafe(SECRET_BYTES))


def text(key: Presented) -> str:
    """The key as its owner keeps it."""
    return f"{PREFIX}{key.key_id}_{key.secret}"


def read(given: str) -> Presented | None:
    """The key that a text is, or None."""
    found = _FORM.fullmatch(given)
    return Presented(found[1], found[2]) if found else None


def digest(secret: str) -> str:
    """What is kept of a secret: it is random enough that nothing slower is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
