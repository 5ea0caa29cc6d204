"""JSON from clients, read with nothing lost: each number keeps its value, and nesting is bounded."""

import json
import re
from typing import Any

import orjson

from db import kinds

DEEPEST = 64
# Whole numbers beyond 64 bits become floats in orjson; it takes this many digits to be one.
_LONG_NUMBER = re.compile(rb"[0-9]{19}")


def read(raw: bytes) -> Any:
    """The value that JSON text stands for.

    Of a key that comes twice the last one counts. Raises ValueError for anything but well-formed
    UTF-8 JSON with finite numbers, and for what nests deeper than DEEPEST.
    """
    value = orjson.loads(raw)
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and kinds.depth(value) > DEEPEST:
        raise ValueError(f"more than {DEEPEST} levels")
    return json.loads(raw) if _LONG_NUMBER.search(raw) else value
