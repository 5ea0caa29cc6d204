"""Global object ids: opaque to clients, stable, and unique across all types.

The key in the id of a change is its sequence number, sealed.
"""

import base64
from typing import Any

from db.model import tables
from db.model.column_types import BIG_INT, INT64_MAX, INT64_MIN
from db.model.services import SERVICES
from db.model.tables import CHANGES, Table
from db.program import Value
from db.queries import sealed_sequences
from db.queries.sealed_sequences import Purpose

BY_TYPE_NAME: dict[str, Table[Any]] = {
    table.row.__name__: table for table in (*tables.TABLES, SERVICES, CHANGES)
}
_OF_CHANGES = CHANGES.row.__name__


def encode(row: Any) -> str:
    type_name = type(row).__name__
    return of_key(type_name, getattr(row, BY_TYPE_NAME[type_name].key))


def of_key(type_name: str, key: Any) -> str:
    return base64.urlsafe_b64encode(f"{type_name}:{key}".encode()).rstrip(b"=").decode()


def of_change(secret: bytes, sequence: int) -> str:
    """The id of a change; `secret` is the registry's key."""
    return of_key(_OF_CHANGES, sealed_sequences.seal(secret, sequence, Purpose.ID))


def place(text: str, secret: bytes) -> tuple[Table[Any], Value] | None:
    """The table and the row's key that an id encodes, also of a change; None if it encodes none."""
    decoded = decode(text)
    if decoded is None or decoded[0] is not CHANGES:
        return decoded
    sequence = sealed_sequences.unseal(secret, str(decoded[1]), Purpose.ID)
    return None if sequence is None else (CHANGES, sequence)


# How ids begin: the first three characters of a type's name. Most keys that are no ids need no other look.
_BEGINNINGS = tuple({of_key(name, "")[:4] for name in BY_TYPE_NAME})


def decode(text: str) -> tuple[Table[Any], Value] | None:
    """The table and key that an id encodes, of a change the sealed one; None if it encodes none."""
    if not text.startswith(_BEGINNINGS):
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        type_name, separator, key = raw.decode().partition(":")
    except ValueError:
        return None
    canonical = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    if not separator or type_name not in BY_TYPE_NAME or canonical != text:
        return None
    table = BY_TYPE_NAME[type_name]
    if table is CHANGES or table.columns[table.key].type is not BIG_INT:
        return table, key
    number = int(key) if key.removeprefix("-").isdecimal() and len(key) < 21 else None
    if number is None or str(number) != key or not INT64_MIN <= number <= INT64_MAX:
        return None
    return table, number
