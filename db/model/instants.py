"""Instants: UTC text with milliseconds and `Z`, made in Python so that all replicas store the same."""

import re
from datetime import UTC, datetime

from db.model import instant_forms
from db.program import Value

CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_PART_OF_MILLISECOND = re.compile(r"[.,]\d{3}\d*[1-9]")
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


def is_finer(text: str) -> bool:
    """Whether an ISO 8601 instant has a part of a millisecond, which its canonical form would lose."""
    return _PART_OF_MILLISECOND.search(text) is not None


def read(stored: Value) -> str:
    """Read what programs store, in any of the `instant_forms`; raises ValueError for anything else."""
    if isinstance(stored, str) and CANONICAL.fullmatch(stored):
        datetime.fromisoformat(stored)
        return stored
    return instant_forms.read(stored)


def parse(text: str) -> str:
    """Read what people write, too: any instant of ISO 8601.

    Raises ValueError for other texts, and for instants outside the years 1 to 9999.
    """
    try:
        return read(text)
    except ValueError:
        pass
    try:
        return canonical(datetime.fromisoformat(text))
    except OverflowError as error:
        raise ValueError(f"{text!r} is outside the years 1 to 9999") from error
