"""JSON objects in inputs are bounded in size, depth and numbers."""

from typing import Any

import pytest

from resolvers.validation.json_objects import json_object
from resolvers.validation.validators import InvalidValue


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": [1, 2.5, True, None, "x\x00\n"]},
        {"a": 2**63 - 1, "b": -(2**63)},
        nested(8),
        {"a": "ü" * 8188},
    ],
)
def test_a_json_object_within_bounds_is_accepted(value):
    assert json_object(value) == value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "must be a JSON object"),
        ("{}", "must be a JSON object"),
        (nested(9), "more than 8 levels"),
        (nested(100_000), "more than 8 levels"),
        ({"a": "x" * 16_384}, "16392 bytes"),
        ({"a": [float("nan")]}, "finite"),
        ({"a": float("inf")}, "finite"),
        ({"a": 2**63}, "64 bits"),
        ({"a": 10**5000}, "64 bits"),
        ({1: 2}, "every key"),
        ({"a": "\ud800"}, "surrogate"),
        ({"\ud800": 1}, "surrogate"),
        ({"a": b"x"}, "not a JSON value"),
    ],
)
def test_a_json_object_out_of_bounds_is_invalid(value, message):
    with pytest.raises(InvalidValue, match=message):
        json_object(value)
