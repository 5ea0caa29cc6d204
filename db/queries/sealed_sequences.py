"""Sequence numbers of changes as clients get them: encrypted, so that they show neither order nor number.

The encryption is deterministic and authenticated, in the way of SIV (RFC 5297): a code made of the number is
also what the number is masked with. So the same number always gives the same text, two numbers give
unrelated ones, and a text that was not made here with the same key and purpose is noticed.
"""

import base64
import hashlib
import hmac
from enum import Enum

CODE_BYTES = 16
NUMBER_BYTES = 8


class Purpose(Enum):
    """What a text is for: one of another purpose does not open."""

    ID = b"change id"
    CURSOR = b"change cursor"
    WEBHOOK = b"webhook id"


def seal(key: bytes, sequence: int, purpose: Purpose) -> str:
    """Always 32 characters of the alphabet of URLs."""
    number = sequence.to_bytes(NUMBER_BYTES, "big")
    code = _code(key, purpose, number)
    return base64.urlsafe_b64encode(code + masked(key, purpose.value, code, number)).decode()


def unseal(key: bytes, text: str, purpose: Purpose) -> int | None:
    """The number, or None if the text is damaged, or of another registry or purpose."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        return None
    if len(raw) != CODE_BYTES + NUMBER_BYTES:
        return None
    code = raw[:CODE_BYTES]
    number = masked(key, purpose.value, code, raw[CODE_BYTES:])
    if not hmac.compare_digest(code, _code(key, purpose, number)):
        return None
    return int.from_bytes(number, "big")


def _code(key: bytes, purpose: Purpose, number: bytes) -> bytes:
    return hashlib.blake2b(
        number, digest_size=CODE_BYTES, key=key, person=purpose.value, salt=b"code"
    ).digest()


def masked(key: bytes, purpose: bytes, seed: bytes, number: bytes) -> bytes:
    """NUMBER_BYTES hidden by what `seed` makes of the key, or shown again."""
    mask = hashlib.blake2b(
        seed, digest_size=NUMBER_BYTES, key=key, person=purpose, salt=b"mask"
    ).digest()
    return bytes(left ^ right for left, right in zip(number, mask, strict=True))
