"""Global object ids: opaque to clients, stable, and unique across all types."""

import base64
from typing import Any

from db.model import tables
from db.model.column_types import BIG_INT, INT64_MAX, INT64_MIN
from db.model.tables import Table
from db.program import Value

BY_TYPE_NAME: dict[str, Table[Any]] = {table.row.__name__: table for table in tables.TABLES}


def encode(row: Any) -> str:
    type_name = type(row).__name__
    return of_key(type_name, getattr(row, BY_TYPE_NAME[type_name].key))


def of_key(type_name: str, key: Any) -> str:
    return base64.urlsafe_b64encode(f"{type_name}:{key}".encode()).rstrip(b"=").decode()


# How ids begin: the first three characters of a type's name. Most keys that are no ids need no other look.
_BEGINNINGS = tuple({of_key(name, "")[:4] for name in BY_TYPE_NAME})


def decode(text: str) -> tuple[Table[Any], Value] | None:
    """The table and key that an id encodes; None if it encodes none."""
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
    if table.columns[table.key].type is not BIG_INT:
        return table, key
    number = int(key) if key.removeprefix("-").isdecimal() and len(key) < 21 else None
    if number is None or str(number) != key or not INT64_MIN <= number <= INT64_MAX:
        return None
    return table, number
