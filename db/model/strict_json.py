"""JSON from clients, read with nothing lost: each number and key keeps its value, nesting is bounded."""

import json
import re
from typing import Any

import orjson

from db.model import column_types

DEEPEST = 64
LONGEST_SHOWN = 40
# Whole numbers beyond 64 bits become floats in orjson; it takes this many digits to be one.
_LONG_NUMBER = re.compile(rb"[0-9]{19}")


class RepeatedKey(ValueError):
    """Raised when an object has a key twice, where readers differ in which value they take."""


def read(raw: bytes) -> Any:
    """The value that JSON text stands for.

    Raises ValueError for anything but well-formed UTF-8 JSON with finite numbers and for what nests
    deeper than DEEPEST, and RepeatedKey, which is one, for an object that has a key twice.
    """
    value = orjson.loads(raw)
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and column_types.depth(value) > DEEPEST:
        raise ValueError(f"more than {DEEPEST} levels")
    if _lost_a_key(raw, value) or _LONG_NUMBER.search(raw):
        return json.loads(raw, object_pairs_hook=_object)
    return value


def _lost_a_key(raw: bytes, value: Any) -> bool:
    """Whether the text may have held more keys than the value, in which the last of each is left.

    Every key has a colon; the others are in texts, where they stay. So as many come back when the value
    is written down as there were, unless one was spelled as an escape: those texts are read again.
    """
    return b"\\u" in raw or orjson.dumps(value).count(b":") != raw.count(b":")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise RepeatedKey(
                    f"{key[:LONGEST_SHOWN]!r} comes twice in one object: send it once"
                )
            seen.add(key)
    return found
