"""The shape of a JSON object: bounded in size and depth, its numbers such as all can read."""

import json
import math
from typing import Any

from db.model.column_types import INT64_MAX, INT64_MIN
from resolvers.validation.validators import Malformed

MOST_BYTES = 16 * 1024
MOST_LEVELS = 8


def json_object(value: Any) -> dict[str, Any]:
    """A JSON object of at most 16 KiB and 8 levels, with finite numbers and 64-bit integers."""
    if not isinstance(value, dict):
        raise Malformed('must be a JSON object, as {"region": "eu"}')
    _check_levels(value)
    try:
        size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    except UnicodeEncodeError:
        raise Malformed("must not contain half of a surrogate pair") from None
    if size > MOST_BYTES:
        raise Malformed(f"has {size} bytes as JSON, may have {MOST_BYTES}")
    return value


def _check_levels(value: dict[str, Any]) -> None:
    # Level by level, so that no depth of nesting can exhaust the stack.
    level: list[Any] = [value]
    for _ in range(MOST_LEVELS):
        level = [inner for container in level for inner in _checked(container)]
        if not level:
            return
    raise Malformed(f"is nested more than {MOST_LEVELS} levels deep")


def _checked(container: Any) -> list[Any]:
    """The containers in a container, once its other values are known to be right."""
    items = container
    if isinstance(container, dict):
        if not all(isinstance(key, str) for key in container):
            raise Malformed("every key of a JSON object must be a text")
        items = container.values()
    inner = []
    for item in items:
        if isinstance(item, dict | list):
            inner.append(item)
        else:
            _check_scalar(item)
    return inner


def _check_scalar(item: Any) -> None:
    if isinstance(item, bool | str) or item is None:
        return
    if isinstance(item, int):
        if not INT64_MIN <= item <= INT64_MAX:
            raise Malformed("integers must lie within 64 bits")
    elif not isinstance(item, float):
        raise Malformed(f"a {type(item).__name__} is not a JSON value")
    elif not math.isfinite(item):
        raise Malformed("numbers must be finite")
