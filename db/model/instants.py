"""Instants: text in UTC with milliseconds and `Z`, made in Python so that every replica stores the same."""

import re
from datetime import UTC, datetime

CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CANONICAL_FORMAT = "'%Y-%m-%dT%H:%M:%fZ'"


def as_instant(stored: str, *modifiers: str) -> str:
    """SQL for an instant in canonical form, whatever form another program stored it in; else NULL."""
    return f"strftime({', '.join([CANONICAL_FORMAT, stored, *modifiers])})"


def latest(stored: str, *modifiers: str) -> str:
    """SQL for the later of `:now` and what is stored."""
    return f"coalesce(max(:now, {as_instant(stored, *modifiers)}), :now)"


def after(stored: str) -> str:
    """SQL for the later of `:now` and a millisecond after what is stored."""
    return latest(stored, "'+0.001 seconds'")


LATER = after("updated_at")
"""What sets `updated_at`, so that it always grows."""


def now() -> str:
    """The present instant in canonical form."""
    return canonical(datetime.now(UTC))


def canonical(moment: datetime) -> str:
    """An instant in canonical form; one without an offset is taken as UTC."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str) -> str:
    """Any ISO 8601 instant, with or without an offset, in canonical form.

    Raises ValueError for anything else, and for an instant that UTC cannot hold.
    """
    if CANONICAL.fullmatch(text):
        datetime.fromisoformat(text)
        return text
    try:
        return canonical(datetime.fromisoformat(text))
    except OverflowError as error:
        raise ValueError(f"{text!r} is outside the years 1 to 9999") from error
