"""Cursors: a version, an authentication code and the values that the row is ordered by.

The values keep a cursor valid when rows are added or removed. A cursor of a log is its sequence number,
sealed. The key is in the database, for all workers.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from db.errors import BadRequest, Unreadable
from db.model import instants
from db.model.tables import Table
from db.program import Program, Statement, Value, Values
from db.queries import log_positions, sealed_sequences
from db.queries.listings import Order
from db.queries.sealed_sequences import Purpose

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
    add = Statement(ADD_KEY, {"value": secrets.token_hex(KEY_BYTES), "now": instants.now()})
    _, [(value,)] = yield [add, Statement(READ_KEY)]
    return bytes.fromhex(str(value))


def stored_key() -> Program[bytes | None]:
    """Return the cursor key, or None: a server must start even if the disk is full."""
    (rows,) = yield [Statement(READ_KEY)]
    return bytes.fromhex(str(rows[0][0])) if rows else None


def _place(table: Table[Any], order: Sequence[Order]) -> str:
    return ",".join(
        [table.name, *(f"{part.column}{'-' if part.descending else '+'}" for part in order)]
    )


def _begun(key: bytes) -> hashlib.blake2b:
    return hashlib.blake2b(VERSION, digest_size=MAC_BYTES, key=key)


def _text(begun: hashlib.blake2b, payload: bytes) -> str:
    mac = begun.copy()
    mac.update(payload)
    raw = VERSION + mac.digest() + payload
    return binascii.b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode()


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _dumps(values: list[Value]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def encoder(key: bytes, table: Table[Any], order: Sequence[Order]) -> Callable[[Values], str]:
    """Return a function that makes a row's cursor; it raises Unreadable for a BLOB."""
    if table.is_log:
        return lambda values: sealed_sequences.seal(key, _number(values[0]), Purpose.CURSOR)
    # What all cursors of a page have in common is computed once (W2 and W5 of the benchmark).
    place, begun = _place(table, order), _begun(key)

    def encode(values: Values) -> str:
        if bytes in map(type, values):
            raise Unreadable("the stored value that the row is ordered by is not a text")
        # A list that orjson encodes takes a third of json's time (W2 of the benchmark), but orjson has no
        # word for an infinite number.
        has_fraction = float in map(type, values)
        return _text(begun, (_dumps if has_fraction else orjson.dumps)([place, *values]))

    return encode


def _number(value: Value) -> int:
    if not isinstance(value, int):
        raise Unreadable("the stored value that the row is ordered by is not a whole number")
    return value


def decode(key: bytes, table: Table[Any], order: Sequence[Order], cursor: str) -> Values:
    """Raises BadRequest if the cursor is damaged or of another registry, version, list or ordering."""
    if table.is_log:
        return (_sequence(key, table, cursor),)
    return open_at(key, _place(table, order), cursor)


def made_at(key: bytes, place: str, values: Values) -> str:
    """The cursor of what has these values, none of which is a BLOB, in a list that is called `place`."""
    return _text(_begun(key), _dumps([place, *values]))


def open_at(key: bytes, place: str, cursor: str) -> Values:
    """The values in a cursor of this list; raises BadRequest like `decode`."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    payload = raw[len(VERSION) + MAC_BYTES :]
    genuine = _text(_begun(key), payload)
    if not hmac.compare_digest(genuine.encode(), cursor.encode("utf-8", "surrogatepass")):
        raise BadRequest(
            "BAD_CURSOR",
            "the cursor is damaged or from another registry: start from the first page",
        )
    found, *values = json.loads(payload)
    if found != place:
        raise BadRequest(
            "BAD_CURSOR",
            "the cursor belongs to another list or ordering: use it with the arguments it came from",
        )
    return tuple(values)


def place_in_log(key: bytes, cursor: str) -> int | None:
    """The sequence number in the cursor of a change or in a position in the log; None if it is neither."""
    number = sealed_sequences.unseal(key, cursor, Purpose.CURSOR)
    return log_positions.unseal(key, cursor) if number is None else number


def _sequence(key: bytes, table: Table[Any], cursor: str) -> int:
    number = place_in_log(key, cursor)
    if number is None:
        raise BadRequest(
            "BAD_CURSOR",
            f"the cursor is damaged, or is none of {table.name} in this registry: take one from the cursor of"
            " a change, or start from the first page",
        )
    return number
