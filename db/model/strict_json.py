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
LONG_DIGITS = re.compile("[0-9]{19}")
# To look for them in bytes, each digit becomes a zero: a pattern took a twentieth of a small request (W1).
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_NUMBER = b"0" * 19
MOST_DIGITS = 308  # so many fit into a double


class RepeatedKey(ValueError):
    """Raised if an object repeats a key, since readers differ in the value they take."""

    def __init__(self, key: str) -> None:
        self.key = key[:LONGEST_SHOWN]
        super().__init__(f"{self.key!r} comes twice in one object: send it once")


def read(raw: bytes | bytearray) -> Any:
    """Read a client's UTF-8 JSON of at most DEEPEST levels; raises ValueError or its subclass RepeatedKey."""
    # Whole numbers may have any number of digits.
    value = orjson.loads(raw)
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and depth(value) > DEEPEST:
        raise ValueError(f"more than {DEEPEST} levels")
    if _lost_a_key(raw, value) or _LONG_NUMBER in raw.translate(_DIGITS_AS_ZEROS):
        return json.loads(raw, object_pairs_hook=_with_unique_keys)
    return value


def parse(text: str) -> Any:
    """Read JSON of finite numbers, whole ones of 64 bits; raises ValueError or its subclass RepeatedKey."""
    # The message continues the name of the text ("has the number …"), unless it is of
    # json.JSONDecodeError.
    return _decode(_STRICT, text)


def parse_row(text: str) -> Any:
    """Like `parse`, for whole numbers of any size that readers of JSON take."""
    return _decode(_ROW, text)


def parse_stored(text: str) -> Any:
    """Like `parse_row`, with the last value of a repeated key; raises ValueError for half a character."""
    try:
        value = _STORED.decode(text)
    except RecursionError:
        raise ValueError("nests too deep") from None
    if "\\u" in text and _has_half_a_character(value):
        raise ValueError("has half a surrogate pair, which is no character")
    return value


def writable(value: Any) -> Any:
    """The value with whole numbers of any size, for `orjson`, which writes 64 bits."""
    if isinstance(value, dict):
        return {key: writable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [writable(item) for item in value]
    if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
        return orjson.Fragment(str(value))
    return value


def describe(error: ValueError) -> str:
    """An error of these readers, to continue the name of the text."""
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON at character {error.pos + 1}: {error.msg.lower()}"
    if isinstance(error, RepeatedKey):
        return f"has the key {error.key!r} twice: leave one of them out"
    return str(error)


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


def _lost_a_key(raw: bytes | bytearray, value: Any) -> bool:
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


def _decode(decoder: json.JSONDecoder, text: str) -> Any:
    try:
        return decoder.decode(text)
    except RecursionError:
        raise ValueError("nests too deep") from None


def _has_half_a_character(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _int64(digits: str) -> int:
    # Counted first: Python refuses, or takes long over, numbers of thousands of digits.
    number = int(digits) if len(digits) <= len(str(INT64_MIN)) else INT64_MAX + 1
    if not INT64_MIN <= number <= INT64_MAX:
        raise too_long(digits)
    return number


def too_long(digits: str) -> ValueError:
    return ValueError(f"has the number {digits[:LONGEST_SHOWN]}, which needs more than 64 bits")


def _any_int(digits: str) -> int:
    # Readers that keep numbers as doubles refuse the whole text for a larger one.
    if len(digits.removeprefix("-")) > MOST_DIGITS:
        raise ValueError(
            f"has the number {digits[:LONGEST_SHOWN]}… of {len(digits):,} digits, which needs more"
            " than 64 bits and more than a double can hold"
        )
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"has the number {digits[:LONGEST_SHOWN]}, which is too large")
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"has {name}, which is not JSON: leave the value out, or write null")


_NUMBERS: dict[str, Any] = {"parse_float": _finite, "parse_constant": _refuse_constant}
_STRICT = json.JSONDecoder(object_pairs_hook=_with_unique_keys, parse_int=_int64, **_NUMBERS)
_ROW = json.JSONDecoder(object_pairs_hook=_with_unique_keys, parse_int=_any_int, **_NUMBERS)
_STORED = json.JSONDecoder(parse_int=_any_int, **_NUMBERS)
