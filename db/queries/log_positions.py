"""Positions in the log of changes, for clients that go on from where they were told of no change, and marks.

They are encrypted like the cursors of changes, but differ each time: from two equal ones, a viewer would
learn that nobody has written anything in between.
"""

import base64
import hashlib
import hmac
import secrets
from enum import Enum

from db.queries.sealed_sequences import CODE_BYTES, NUMBER_BYTES, masked

NONCE_BYTES = 12
CHARACTERS = (NONCE_BYTES + NUMBER_BYTES + CODE_BYTES) * 4 // 3


class Kind(Enum):
    """What a text is: one of another kind does not open."""

    POSITION = b"log position"
    MARK = b"mark"
    """What a write was answered with; its number is that of `db.consistency.At`."""


def seal(key: bytes, sequence: int, kind: Kind = Kind.POSITION) -> str:
    """A position after the change with this sequence number: CHARACTERS of the alphabet of URLs."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    number = sequence.to_bytes(NUMBER_BYTES, "big")
    hidden = nonce + masked(key, kind.value, nonce, number)
    return base64.urlsafe_b64encode(hidden + _code(key, hidden, kind)).decode()


def unseal(key: bytes, text: str, kind: Kind = Kind.POSITION) -> int | None:
    """The sequence number, or None if the text is of another kind, or damaged, or of another registry."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        return None
    hidden, code = raw[:-CODE_BYTES], raw[-CODE_BYTES:]
    if len(text) != CHARACTERS or not hmac.compare_digest(code, _code(key, hidden, kind)):
        return None
    number = masked(key, kind.value, hidden[:NONCE_BYTES], hidden[NONCE_BYTES:])
    return int.from_bytes(number, "big")


def _code(key: bytes, hidden: bytes, kind: Kind) -> bytes:
    return hashlib.blake2b(
        hidden, digest_size=CODE_BYTES, key=key, person=kind.value, salt=b"code"
    ).digest()
