"""Instants: UTC text with milliseconds and `Z`, made in Python so that all replicas store the same."""

import re
from datetime import UTC, datetime

CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CANONICAL_FORMAT = "'%Y-%m-%dT%H:%M:%fZ'"


def as_instant(stored: str, *modifiers: str) -> str:
    """SQL for the canonical form of a stored instant; NULL for other values."""
    return f"strftime({', '.join([CANONICAL_FORMAT, stored, *modifiers])})"


def latest(stored: str, *modifiers: str) -> str:
    return f"coalesce(max(:now, {as_instant(stored, *modifiers)}), :now)"


def after(stored: str) -> str:
    return latest(stored, "'+0.001 seconds'")


LATER = after("updated_at")
"""The new value of `updated_at`, which always grows."""


def now() -> str:
    return canonical(datetime.now(UTC))


def canonical(moment: datetime) -> str:
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str) -> str:
    """Read any ISO 8601 instant; raises ValueError for others, and for those outside the years 1 to 9999."""
    if CANONICAL.fullmatch(text):
        datetime.fromisoformat(text)
        return text
    try:
        return canonical(datetime.fromisoformat(text))
    except OverflowError as error:
        raise ValueError(f"{text!r} is outside the years 1 to 9999") from error
