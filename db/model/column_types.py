"""ColumnTypes read stored values when they are needed, so a bad one is an error at its own field only.

They accept what other programs store: every form of instants, NULL or empty JSON, NULL counters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from db.errors import Unreadable
from db.model import instants, strict_json
from db.model.strict_json import DEEPEST
from db.model.strict_json import INT64_MAX as INT64_MAX
from db.model.strict_json import INT64_MIN as INT64_MIN
from db.program import Value

INT32_MAX = 2**31 - 1


@dataclass(frozen=True, eq=False, slots=True)
class ColumnType:
    name: str
    python: Any
    read: Callable[[Value], Any]

    @property
    def names(self) -> dict[str, str]:
        """The GraphQL names of an enumeration's stored values."""
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
        return instants.read(stored)
    except ValueError:
        raise Unreadable("the stored value is not an instant") from None


def _json(stored: Value) -> Any:
    text = _text(stored)
    try:
        value = strict_json.parse_stored(text)
    except ValueError as error:
        raise Unreadable(f"the stored value {strict_json.describe(error)}") from None
    if text.count("[") + text.count("{") > DEEPEST and strict_json.depth(value) > DEEPEST:
        raise Unreadable(f"the stored value nests more than {DEEPEST} levels deep")
    return value


def _string_list(stored: Value) -> list[str]:
    if stored is None or stored == "":
        return []
    value = _json(stored)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Unreadable("the stored value is not a list of strings")
    return value


def _object(stored: Value) -> dict[str, Any]:
    if stored is None or stored == "":
        return {}
    value = _json(stored)
    if not isinstance(value, dict):
        raise Unreadable("the stored value is not a JSON object")
    return value


TEXT = ColumnType("text", str, _text)
CHITTY_ID = ColumnType("ChittyID", str, _text)
INT = ColumnType("int", int, _small_int)
BIG_INT = ColumnType("big int", int, _int)
INSTANT = ColumnType("instant", datetime, _instant)
STRING_LIST = ColumnType("string list", list[str], _string_list)
OBJECT = ColumnType("object", dict[str, Any], _object)


def enumeration(members: type[Enum]) -> ColumnType:
    def read(stored: Value) -> Enum:
        try:
            return members(stored)
        except ValueError:
            raise Unreadable(f"the stored value is no {members.__name__}") from None

    return ColumnType(f"enum {members.__name__}", members, read)
