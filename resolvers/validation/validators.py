"""The shapes of input values: each takes a value and returns it cleaned, or raises Malformed.

A message quotes a value only as `secrets.shown` allows, and never one that may be a secret.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from db.model import chitty_id as chitty_ids
from db.model import instants
from db.model.column_types import INT64_MAX
from resolvers.validation import secrets

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

Shape: TypeAlias = Callable[[Any], T]

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST_ITEMS = 100
LONGEST_ITEM = 200
LONGEST_NAME = 200
LONGEST_URL = 2048
LONGEST_EMAIL = 254
CLOCK_SKEW = timedelta(minutes=5)

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_REFERENCE = re.compile(r"[A-Za-z0-9:._/-]{1,200}")
_LOCAL_PART = re.compile(r"[^\s@\"(),:;<>\[\\\].]+(?:\.[^\s@\"(),:;<>\[\\\].]+)*")
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_](?:[\w-]*[^\W_])?")


class Malformed(ValueError):
    """Raised when a value has not the shape it must have; the message is for the client."""


def chitty_id(value: Any) -> str:
    """A well-formed ChittyID, without `did:chitty:`."""
    normal = chitty_ids.normalise(_string(value))
    if problem := chitty_ids.problem(normal):
        raise Malformed(f"{secrets.shown(normal)} {problem}")
    return normal


def uuid(value: Any) -> str:
    """A UUID of any version in its canonical form: small letters, with dashes."""
    found = _string(value)
    if not UUID.fullmatch(found):
        raise Malformed(
            f"{secrets.shown(found)} must be a UUID: 8-4-4-4-12 hexadecimal digits, letters small"
        )
    return found


def text(longest: int, *, shortest: int = 1, lines: bool = False) -> Shape[str]:
    """The shape of a text without control characters; `lines` allows line breaks and tabs."""
    control = _CONTROL_BUT_LINES if lines else _CONTROL

    def check(value: Any) -> str:
        found = _string(value)
        if not shortest <= len(found) <= longest:
            raise Malformed(f"has {len(found)} characters, must have {shortest} to {longest}")
        if control.search(found):
            raise Malformed("must not contain control characters")
        return found

    return check


def name(value: Any) -> str:
    """A name: 1 to 200 characters on one line, with no space at either end."""
    found = text(LONGEST_NAME)(value)
    if found != found.strip():
        raise Malformed("must not begin or end with a space")
    return found


def email(value: Any) -> str:
    """An e-mail address, as somebody@example.org."""
    found = text(LONGEST_EMAIL)(value)
    local, _, domain = found.rpartition("@")
    if len(local) > 64 or not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise Malformed(
            f"{secrets.shown(found)} must be an e-mail address, as somebody@example.org"
        )
    return found


def url(value: Any) -> str:
    """An http or https URL with a host and without credentials."""
    found = text(LONGEST_URL)(value)
    if re.search(r"[\s\\]", found):
        raise Malformed("a URL must not contain spaces or backslashes: percent-encode them")
    try:
        parts = urlsplit(found)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Malformed(
            f"{secrets.shown(found)} must be a URL, as https://example.org/path"
        ) from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise Malformed(f"{secrets.shown(found)} must be a URL, as https://example.org/path")
    if "@" in parts.netloc:
        raise Malformed("a URL must not carry a user name or password: keep them as credentials")
    return found


def strings(value: Any) -> list[str]:
    """A list of at most 100 different texts of 1 to 200 characters."""
    if not isinstance(value, list):
        raise Malformed("must be a list of texts")
    if len(value) > MOST_ITEMS:
        raise Malformed(f"has {len(value)} items, may have {MOST_ITEMS}")
    item = text(LONGEST_ITEM)
    found: dict[str, int] = {}
    for place, each in enumerate(value, start=1):
        try:
            cleaned = item(each)
        except Malformed as malformed:
            raise Malformed(f"item {place}: {malformed}") from None
        if cleaned in found:
            raise Malformed(f"item {place} repeats item {found[cleaned]}: leave one of them out")
        found[cleaned] = place
    return list(found)


def key_reference(value: Any) -> str:
    """The name under which credentials are kept, never credentials themselves."""
    found = _string(value)
    if secrets.looks_secret(found):
        raise Malformed(
            "this looks like a secret: keep it in the credentials store"
            " and give the key it is kept under"
        )
    if not _REFERENCE.fullmatch(found):
        raise Malformed("must be the key of stored credentials: 1 to 200 of A-Z a-z 0-9 : . _ / -")
    return found


def whole(least: int, most: int) -> Shape[int]:
    """The shape of a whole number from `least` to `most`, both included."""

    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Malformed("must be a whole number")
        if not least <= value <= most:
            raise Malformed(f"must be from {least} to {most}")
        return value

    return check


identifier = whole(1, INT64_MAX)
"""The shape of an id that GitHub gave."""


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Malformed("must be true or false")
    return value


def one_of(members: type[E]) -> Shape[E]:
    """The shape of an enumeration's member."""

    def check(value: Any) -> E:
        if not isinstance(value, members):
            raise Malformed(f"must be one of {', '.join(member.name for member in members)}")
        return value

    return check


def instant(value: Any) -> str:
    """An instant in canonical form; one with another offset is brought to UTC."""
    try:
        return instants.parse(_string(value))
    except ValueError:
        raise Malformed("must be an instant, as 2026-11-22T09:30:00.000Z") from None


def past(value: Any) -> str:
    """An instant that does not lie in the future; a client's clock may go a little fast."""
    found = instant(value)
    if found > instants.canonical(datetime.now(UTC) + CLOCK_SKEW):
        raise Malformed(f"{found} lies in the future: give an instant that has been")
    return found


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Malformed("must be a text")
    if _SURROGATE.search(value):
        raise Malformed("must not contain half of a surrogate pair")
    return value
