"""Instants: text in UTC with milliseconds and `Z`, made in Python so that every replica stores the same."""

import re
from datetime import UTC, datetime

CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

# The later of now and one millisecond after the old value, so that `updated_at` always grows.
LATER = "coalesce(max(:now, strftime('%Y-%m-%dT%H:%M:%fZ', updated_at, '+0.001 seconds')), :now)"


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
