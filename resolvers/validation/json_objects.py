"""Validator of JSON objects: bounded in size and depth, with numbers that every client can read."""

import json
import math
from typing import Any

from db.model.column_types import INT64_MAX, INT64_MIN
from resolvers.validation.validators import InvalidValue

MAX_BYTES = 16 * 1024
MAX_DEPTH = 8

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def json_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidValue('must be a JSON object, such as {"region": "eu"}')
    _check_levels(value)
    try:
        size = len(_to_json(value).encode())
    except UnicodeEncodeError:
        raise InvalidValue("must not contain half a surrogate pair") from None
    if size > MAX_BYTES:
        raise InvalidValue(f"has {size} bytes as JSON; {MAX_BYTES} are allowed")
    return value


def _check_levels(value: dict[str, Any]) -> None:
    # Level by level: recursion could exhaust the stack.
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for container in level for inner in _check_container(container)]
        if not level:
            return
    raise InvalidValue(f"is nested more than {MAX_DEPTH} levels deep")


def _check_container(container: Any) -> list[Any]:
    """The containers in a container; raises InvalidValue for an invalid scalar."""
    items = container
    if isinstance(container, dict):
        if not all(isinstance(key, str) for key in container):
            raise InvalidValue("every key of a JSON object must be a string")
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
            raise InvalidValue("integers must fit into 64 bits")
    elif not isinstance(item, float):
        raise InvalidValue(f"a {type(item).__name__} is not a JSON value")
    elif not math.isfinite(item):
        raise InvalidValue("numbers must be finite")
