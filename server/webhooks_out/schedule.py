"""When a change that was not delivered is sent again, and when it is given up."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from db.model import instants

FIRST_DELAY = 5.0
LONGEST_DELAY = 15 * 60.0
LONGEST_REQUESTED = 3_600.0  # of what a receiver may ask for
GIVE_UP_SECONDS = 24 * 3_600.0
# Of a delay, at most, so that receivers that failed together are not all asked together.
JITTER = 0.25


def delay(attempts: int, chance: float) -> float:
    """Seconds until the next attempt after so many; `chance` is from 0 to 1."""
    doubled = min(FIRST_DELAY * 2 ** min(attempts - 1, 30), LONGEST_DELAY)
    return float(doubled * (1 - JITTER + 2 * JITTER * chance))


def requested_delay(retry_after: str | None, now: float) -> float:
    """The seconds of a Retry-After header; 0 without one, or if it says nothing usable."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_REQUESTED)
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(moment - now, 0.0), LONGEST_REQUESTED)


def instant(seconds: float) -> str:
    """The canonical text of a Unix time."""
    return instants.canonical(datetime.fromtimestamp(seconds, UTC))


def unix_time(moment: str) -> float:
    """The Unix time of a canonical instant."""
    return datetime.fromisoformat(moment).timestamp()


def seconds_until(moment: str | None, now: float, longest: float) -> float:
    """Seconds until an instant, 0 if there is none, or another program wrote what is none.

    None lies further ahead than `longest`, so one that does is from before the clock was set back: 0.
    """
    if moment is None:
        return 0.0
    try:
        ahead = unix_time(moment) - now
    except ValueError:
        return 0.0
    return ahead if 0 < ahead <= longest else 0.0


def seconds_until_attempt(moment: str | None, now: float) -> float:
    return seconds_until(moment, now, max(LONGEST_REQUESTED, LONGEST_DELAY * (1 + JITTER)))
