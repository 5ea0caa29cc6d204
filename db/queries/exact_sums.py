"""Sums of 64-bit integers, added up in halves: SQLite's sum() fails where a sum has more than 64 bits."""

from db.model.column_types import INT64_MAX, INT64_MIN

_BITS = 32
LOW = (1 << _BITS) - 1
"""The largest low half."""


def halves(value: str) -> tuple[str, str]:
    """SQL for the sums of the high and of the low halves of a value, itself SQL."""
    return f"sum({value} >> {_BITS})", f"sum({value} & {LOW})"


def whole(high: int, low: int) -> int:
    return (high << _BITS) + low


def bounded(total: int) -> int:
    """The nearest 64-bit integer."""
    return min(max(total, INT64_MIN), INT64_MAX)
