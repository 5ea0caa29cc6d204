"""API keys as text: `cg_<key id>_<secret>`. Only the SHA-256 of the secret is stored."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

PREFIX = "cg_"
SECRET_BYTES = 32
KEY_ID = re.compile("[0-9a-f]{12}")
_API_KEY = re.compile(rf"cg_({KEY_ID.pattern})_([\w-]{{43}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class PresentedKey:
    key_id: str
    secret: str

    def matches(self, secret_sha256: str) -> bool:
        """Compare with a stored digest, in constant time."""
        return hmac.compare_digest(digest(self.secret), secret_sha256)

    def text(self) -> str:
        return f"{PREFIX}{self.key_id}_{self.secret}"


def generate() -> PresentedKey:
    return PresentedKey(secrets.token_hex(6), secrets.token_urlsafe(SECRET_BYTES))


def parse(text: str) -> PresentedKey | None:
    parts = _API_KEY.fullmatch(text)
    return PresentedKey(parts[1], parts[2]) if parts else None


def digest(secret: str) -> str:
    """What is stored of a secret. A fast hash suffices, since secrets are random."""
    return hashlib.sha256(secret.encode()).hexdigest()
