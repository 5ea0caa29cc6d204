"""JSON from clients, read with nothing lost: each number keeps its value, and nesting is bounded."""

import json
import re
from typing import Any

import orjson

DEEPEST = 64
# Whole numbers beyond 64 bits become floats in orjson; it takes this many digits to be one.
_LONG_NUMBER = re.compile(rb"[0-9]{19}")


def read(raw: bytes) -> Any:
    """The value that JSON text stands for.

    Of a key that comes twice the last one counts. Raises ValueError for anything but well-formed
    UTF-8 JSON with finite numbers, and for what nests deeper than DEEPEST.
    """
    value = orjson.loads(raw)
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and _nests_too_deep(value):
        raise ValueError(f"more than {DEEPEST} levels")
    return json.loads(raw) if _LONG_NUMBER.search(raw) else value


def _nests_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        containers = [each for each in level if isinstance(each, dict | list)]
        if not containers:
            return False
        level = [
            item
            for each in containers
            for item in (each.values() if isinstance(each, dict) else each)
        ]
    return True
