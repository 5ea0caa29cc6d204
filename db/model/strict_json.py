"""JSON readers that lose no key and no digit, and refuse more levels than the server can handle."""

import json
import math
import re
from typing import Any

import orjson

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
DEEPEST = 64
LONGEST_SHOWN = 40
# Whole numbers beyond 64 bits become floats in orjson; it takes this many digits to be one.
_LONG_NUMBER = re.compile(rb"[0-9]{19}")


class RepeatedKey(ValueError):
    """Raised if an object repeats a key, since readers differ in the value they take."""

    def __init__(self, key: str) -> None:
        self.key = key[:LONGEST_SHOWN]
        super().__init__(f"{self.key!r} comes twice in one object: send it once")


def read(raw: bytes) -> Any:
    """Read a client's UTF-8 JSON of at most DEEPEST levels; raises ValueError or its subclass RepeatedKey."""
    # Whole numbers may have any number of digits.
    value = orjson.loads(raw)
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and depth(value) > DEEPEST:
        raise ValueError(f"more than {DEEPEST} levels")
    if _lost_a_key(raw, value) or _LONG_NUMBER.search(raw):
        return json.loads(raw, object_pairs_hook=_with_unique_keys)
    return value


def parse(text: str, *, unique_keys: bool = True) -> Any:
    """Read JSON of finite numbers, whole ones of 64 bits; raises ValueError or its subclass RepeatedKey."""
    # The message continues the name of the text ("has the number …"), unless it is of
    # json.JSONDecodeError.
    try:
        return (_UNIQUE_KEYS if unique_keys else _ANY_KEYS).decode(text)
    except RecursionError:
        raise ValueError("nests too deep") from None


def depth(value: Any) -> int:
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


def _lost_a_key(raw: bytes, value: Any) -> bool:
    """Whether the text may have more keys than the value, which has only the last of each."""
    # A colon follows each key, and other colons are inside texts: the value, written again, has as many
    # as the text, unless one is written as an escape.
    return b"\\u" in raw or orjson.dumps(value).count(b":") != raw.count(b":")


def _with_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise RepeatedKey(key)
            seen.add(key)
    return value


def _int64(digits: str) -> int:
    # Counted first: Python refuses, or takes long over, numbers of thousands of digits.
    number = int(digits) if len(digits) <= len(str(INT64_MIN)) else INT64_MAX + 1
    if not INT64_MIN <= number <= INT64_MAX:
        raise ValueError(f"has the number {digits[:LONGEST_SHOWN]}, which needs more than 64 bits")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"has the number {digits[:LONGEST_SHOWN]}, which is too large")
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"has {name}, which is not JSON: leave the value out, or write null")


_ANY_KEYS = json.JSONDecoder(parse_int=_int64, parse_float=_finite, parse_constant=_refuse_constant)
_UNIQUE_KEYS = json.JSONDecoder(
    object_pairs_hook=_with_unique_keys,
    parse_int=_int64,
    parse_float=_finite,
    parse_constant=_refuse_constant,
)
