"""When a key expires, as an operator writes it."""

import re
from datetime import UTC, datetime, time, timedelta

from db.model import instants

HOURS = {"h": 1, "d": 24, "w": 7 * 24}
FORMS = "a duration as 12h, 90d or 8w, a day as 2027-01-31, or an instant as 2027-01-31T18:00:00Z"
_DURATION = re.compile(r"([0-9]{1,9})([hdw])")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read(given: str, now: datetime) -> str:
    """The instant, in canonical form, from which a key is worth nothing any more.

    A duration counts from `now`; a day is the last on which the key is good, in UTC, and so is an
    instant without an offset. Raises ValueError, saying what to write, for anything else and for what
    is not after `now`.
    """
    try:
        expires_at = _instant(given, now)
    except (ValueError, OverflowError):
        raise ValueError(f"{given!r} must be {FORMS}") from None
    if expires_at <= instants.canonical(now):
        raise ValueError(f"{given!r} is over already: name a time to come")
    return expires_at


def _instant(given: str, now: datetime) -> str:
    if duration := _DURATION.fullmatch(given):
        return instants.canonical(now + timedelta(hours=int(duration[1]) * HOURS[duration[2]]))
    if _DAY.fullmatch(given):
        last = datetime.combine(datetime.fromisoformat(given), time(), UTC)
        return instants.canonical(last + timedelta(days=1))
    if "T" not in given:
        raise ValueError
    return instants.parse(given)
