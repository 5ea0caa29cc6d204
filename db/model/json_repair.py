"""Valid JSON that the API cannot express, rewritten so that nothing of it is lost but its form.

A number beyond what readers hold becomes its text, as do containers in too many levels; half of a surrogate
pair becomes U+FFFD.
"""

import json
import math
from typing import Any

from db.model.strict_json import DEEPEST, MOST_DIGITS


class TooDeep(ValueError):
    """Raised for more levels than can be read at all."""


def read(text: str) -> Any:
    """The value of a text; raises ValueError if it is not JSON, and its subclass TooDeep."""
    try:
        return _READER.decode(text)
    except RecursionError:
        raise TooDeep from None


def write(value: Any) -> str:
    """The text of a value that was read; raises TooDeep."""
    try:
        text = json.dumps(_flat(value, DEEPEST), ensure_ascii=False)
    except RecursionError:
        raise TooDeep from None
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _flat(value: Any, levels: int) -> Any:
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return {key: _flat(item, levels - 1) for key, item in value.items()}
    return [_flat(item, levels - 1) for item in value]


def _whole(digits: str) -> Any:
    return int(digits) if len(digits.removeprefix("-")) <= MOST_DIGITS else digits


def _fraction(digits: str) -> Any:
    number = float(digits)
    return number if math.isfinite(number) else digits


_READER = json.JSONDecoder(parse_int=_whole, parse_float=_fraction, parse_constant=str)
