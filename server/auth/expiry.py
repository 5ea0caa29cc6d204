"""When an API key expires, as an operator writes it."""

import re
from datetime import UTC, datetime, time, timedelta

from db.model import instants

HOURS = {"h": 1, "d": 24, "w": 7 * 24}
FORMATS = (
    "a duration such as 12h, 90d or 8w, a day such as 2027-01-31,"
    " or an instant to the millisecond such as 2027-01-31T18:00:00Z"
)
_DURATION = re.compile(r"([0-9]{1,9})([hdw])")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse(text: str, now: datetime) -> str:
    """The canonical instant from which a key is invalid; raises ValueError unless it is after `now`."""
    try:
        expires_at = _instant(text, now)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} must be {FORMATS}") from None
    if expires_at <= instants.canonical(now):
        raise ValueError(f"{text!r} is in the past: give a time in the future")
    return expires_at


def _instant(text: str, now: datetime) -> str:
    if duration := _DURATION.fullmatch(text):
        return instants.canonical(now + timedelta(hours=int(duration[1]) * HOURS[duration[2]]))
    if _DAY.fullmatch(text):  # the last day on which the key is valid, in UTC
        last_day = datetime.combine(datetime.fromisoformat(text), time(), UTC)
        return instants.canonical(last_day + timedelta(days=1))
    if "T" not in text or instants.is_finer(text):
        raise ValueError
    return instants.parse(text)
