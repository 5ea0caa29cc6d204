"""Cursors of pages: a version, an authentication code, and the place in an ordering.

A cursor holds the values that its row is ordered by, so it stays good when rows come and go. It is
authenticated with a key kept in the database: every worker and every restart reads it, and nobody
else can make one. It belongs to one table and one ordering.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Sequence

from db.errors import BadRequest, Unreadable
from db.model import instants
from db.program import Program, Statement, Values
from db.queries.listings import Order

VERSION = b"\x01"
MAC_BYTES = 16
KEY_BYTES = 32

ADD_KEY = """
    INSERT INTO server_keys (name, value, created_at)
    SELECT 'cursors', :value, :now
    WHERE NOT EXISTS (SELECT 1 FROM server_keys WHERE name = 'cursors')
"""
READ_KEY = "SELECT value FROM server_keys WHERE name = 'cursors'"


def key() -> Program[bytes]:
    """The database's cursor key, made when it has none yet."""
    made = Statement(ADD_KEY, {"value": secrets.token_hex(KEY_BYTES), "now": instants.now()})
    _, [(value,)] = yield [made, Statement(READ_KEY)]
    return bytes.fromhex(str(value))


def stored_key() -> Program[bytes | None]:
    """The database's cursor key if it has one: a server over a full disk must still start."""
    (found,) = yield [Statement(READ_KEY)]
    return bytes.fromhex(str(found[0][0])) if found else None


def _place(table: str, order: Sequence[Order]) -> str:
    return ",".join([table, *(f"{part.column}{'-' if part.descending else '+'}" for part in order)])


def _begun(key: bytes) -> hashlib.blake2b:
    """The authentication code of nothing but the version; the payload is still to be added."""
    return hashlib.blake2b(VERSION, digest_size=MAC_BYTES, key=key)


def _raw(begun: hashlib.blake2b, payload: bytes) -> bytes:
    mac = begun.copy()
    mac.update(payload)
    return VERSION + mac.digest() + payload


def _text(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode()


_URL_SAFE = bytes.maketrans(b"+/", b"-_")
# Kept, because making one anew for each cursor costs more than the cursor. It is given value by
# value: a text alone takes a third of the time that a list of texts does.
_to_json = json.JSONEncoder(ensure_ascii=False).encode


def encoder(key: bytes, table: str, order: Sequence[Order]) -> Callable[[Values], str]:
    """What makes the cursor of a row of its values in this ordering of a table.

    It raises Unreadable for a value that no column means to hold.
    """
    # What every cursor of a page has in common is done once (W2 and W5 of the benchmark).
    place, begun = _to_json(_place(table, order)), _begun(key)

    def encode(values: Values) -> str:
        if bytes in map(type, values):
            raise Unreadable("the stored value that the row is ordered by is not a text")
        return _text(_raw(begun, f"[{place},{','.join(map(_to_json, values))}]".encode()))

    return encode


def decode(key: bytes, table: str, order: Sequence[Order], cursor: str) -> Values:
    """The values that a cursor holds.

    Raises BadRequest for one that is damaged, comes from another registry or an earlier version, or
    belongs to another list or ordering.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    payload = raw[len(VERSION) + MAC_BYTES :]
    genuine = hmac.compare_digest(raw, _raw(_begun(key), payload))
    if not genuine or _text(raw) != cursor:
        raise BadRequest(
            "BAD_CURSOR", "the cursor is damaged or of another registry: start from the first page"
        )
    place, *values = json.loads(payload)
    if place != _place(table, order):
        raise BadRequest(
            "BAD_CURSOR",
            "the cursor belongs to another list or ordering: use it where and as it was given",
        )
    return tuple(values)
