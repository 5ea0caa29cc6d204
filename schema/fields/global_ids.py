"""Global object ids: opaque to clients, stable, and unique over all types."""

import base64
from typing import Any

from db.model import tables
from db.model.column_types import BIG_INT, INT64_MAX, INT64_MIN
from db.model.tables import Table
from db.program import Value

BY_KIND: dict[str, Table[Any]] = {table.row.__name__: table for table in tables.TABLES}


def encode(row: Any) -> str:
    """The id of a row: its type and key."""
    kind = type(row).__name__
    return of_key(kind, getattr(row, BY_KIND[kind].key))


def of_key(kind: str, key: Any) -> str:
    """The id of the row of a type with this key."""
    return base64.urlsafe_b64encode(f"{kind}:{key}".encode()).rstrip(b"=").decode()


def decode(text: str) -> tuple[Table[Any], Value] | None:
    """The table and key that an id stands for, or None for a text that no object has as its id."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        kind, separator, key = raw.decode().partition(":")
    except ValueError:
        return None
    canonical = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    if not separator or kind not in BY_KIND or canonical != text:
        return None
    table = BY_KIND[kind]
    if table.columns[table.key].kind is not BIG_INT:
        return table, key
    number = int(key) if key.removeprefix("-").isdecimal() and len(key) < 21 else None
    if number is None or str(number) != key or not INT64_MIN <= number <= INT64_MAX:
        return None
    return table, number
