"""Positions in the log of changes, for clients that go on from where they were told of no change.

They are encrypted like the cursors of changes, but differ each time: from two equal ones, a viewer would
learn that nobody has written anything in between.
"""

import base64
import hashlib
import hmac
import secrets

from db.queries.sealed_sequences import CODE_BYTES, NUMBER_BYTES, masked

NONCE_BYTES = 12
CHARACTERS = (NONCE_BYTES + NUMBER_BYTES + CODE_BYTES) * 4 // 3
_PURPOSE = b"log position"


def seal(key: bytes, sequence: int) -> str:
    """A position after the change with this sequence number: CHARACTERS of the alphabet of URLs."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    number = sequence.to_bytes(NUMBER_BYTES, "big")
    hidden = nonce + masked(key, _PURPOSE, nonce, number)
    return base64.urlsafe_b64encode(hidden + _code(key, hidden)).decode()


def unseal(key: bytes, text: str) -> int | None:
    """The sequence number, or None if the text is no position, or damaged, or of another registry."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        return None
    hidden, code = raw[:-CODE_BYTES], raw[-CODE_BYTES:]
    if len(text) != CHARACTERS or not hmac.compare_digest(code, _code(key, hidden)):
        return None
    number = masked(key, _PURPOSE, hidden[:NONCE_BYTES], hidden[NONCE_BYTES:])
    return int.from_bytes(number, "big")


def _code(key: bytes, hidden: bytes) -> bytes:
    return hashlib.blake2b(
        hidden, digest_size=CODE_BYTES, key=key, person=_PURPOSE, salt=b"code"
    ).digest()
