"""What a stored value means: one Kind per type that a column can have.

A row keeps values as they are stored; a Kind reads one when it is asked for, so that a single bad
value is an error at its own field and nowhere else. Reading is lenient about the old forms that a
registry made by other programs holds: times without an offset, NULL or empty JSON, NULL counters.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from db.errors import Unreadable
from db.model import instants
from db.program import Value

INT32_MAX = 2**31 - 1
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
DEEPEST_JSON = 64


@dataclass(frozen=True, eq=False, slots=True)
class ColumnType:
    """One type of column: its name, the Python type it reads as, and how."""

    name: str
    python: Any
    read: Callable[[Value], Any]

    @property
    def names(self) -> dict[str, str]:
        """What the schema calls each value of an enumeration; empty for other kinds."""
        is_enumeration = isinstance(self.python, type) and issubclass(self.python, Enum)
        return {member.value: member.name for member in self.python} if is_enumeration else {}


def _text(stored: Value) -> str:
    if not isinstance(stored, str):
        raise Unreadable("the stored value is not a text")
    return stored


def _int(stored: Value) -> int:
    if stored is None:
        return 0
    if not isinstance(stored, int) or isinstance(stored, bool):
        raise Unreadable("the stored value is not a whole number")
    return stored


def _small_int(stored: Value) -> int:
    return max(min(_int(stored), INT32_MAX), -INT32_MAX - 1)


def _instant(stored: Value) -> str:
    try:
        return instants.parse(_text(stored))
    except ValueError:
        raise Unreadable("the stored value is not an instant") from None


def _json(stored: Value) -> Any:
    """Stored JSON, as far as an answer can carry it: finite, 64 bits, whole characters, not too deep."""
    text = _text(stored)
    try:
        found = _DECODER.decode(text)
        if "\\u" in text:  # an escape may stand for half a character
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Unreadable("the stored value is not JSON") from None
    if text.count("[") + text.count("{") > DEEPEST_JSON and depth(found) > DEEPEST_JSON:
        raise Unreadable("the stored value nests too deep")
    return found


def _refuse(token: str) -> Any:
    raise ValueError(token)


def _int64(digits: str) -> int:
    number = int(digits)
    return number if INT64_MIN <= number <= INT64_MAX else _refuse("more than 64 bits")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse("not finite")


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_int=_int64, parse_float=_finite)


def depth(value: Any) -> int:
    """How many levels of lists and objects a JSON value has; none of them can exhaust the stack."""
    level, levels = [value], 0
    while level:
        children = [
            each.values() if isinstance(each, dict) else each
            for each in level
            if isinstance(each, dict | list)
        ]
        level = [item for items in children for item in items]
        levels += bool(children)
    return levels


def _string_list(stored: Value) -> list[str]:
    if stored is None or stored == "":
        return []
    found = _json(stored)
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise Unreadable("the stored value is not a list of strings")
    return found


def _object(stored: Value) -> dict[str, Any]:
    if stored is None or stored == "":
        return {}
    found = _json(stored)
    if not isinstance(found, dict):
        raise Unreadable("the stored value is not a JSON object")
    return found


TEXT = ColumnType("text", str, _text)
CHITTY_ID = ColumnType("ChittyID", str, _text)
INT = ColumnType("int", int, _small_int)
BIG_INT = ColumnType("big int", int, _int)
INSTANT = ColumnType("instant", datetime, _instant)
STRING_LIST = ColumnType("string list", list[str], _string_list)
OBJECT = ColumnType("object", dict[str, Any], _object)


def enumeration(members: type[Enum]) -> ColumnType:
    """The Kind of a column that holds one of an enumeration's values."""

    def read(stored: Value) -> Enum:
        try:
            return members(stored)
        except ValueError:
            raise Unreadable(f"the stored value is no {members.__name__}") from None

    return ColumnType(f"enum {members.__name__}", members, read)
