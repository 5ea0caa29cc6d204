"""Validators of input values: each returns the value in canonical form, or raises InvalidValue.

Messages quote a value only through `secrets.quote`, so that none repeats a secret.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from db.model import chitty_id as chitty_ids
from db.model import connection_id as connection_ids
from db.model import instants
from db.model.column_types import INT64_MAX, INT64_MIN
from resolvers.validation import secrets

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

Validator: TypeAlias = Callable[[Any], T]

MAX_ITEMS = 100
MAX_ITEM_LENGTH = 200
MAX_NAME_LENGTH = 200
MAX_URL_LENGTH = 2048
MAX_EMAIL_LENGTH = 254
CLOCK_SKEW = timedelta(minutes=5)

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_REFERENCE = re.compile(r"[A-Za-z0-9:._/-]{1,200}")
_LOCAL_PART = re.compile(r"[^\s@\"(),:;<>\[\\\].]+(?:\.[^\s@\"(),:;<>\[\\\].]+)*")
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_](?:[\w-]*[^\W_])?")


class InvalidValue(ValueError):
    """The message is for the client."""


def chitty_id(value: Any) -> str:
    """A well-formed ChittyID, without `did:chitty:`: of a new row, or of a record elsewhere."""
    normal = chitty_ids.normalise(_string(value))
    if problem := chitty_ids.problem(normal):
        raise InvalidValue(f"{secrets.quote(normal)} {problem}")
    return normal


def chitty_id_of_row(value: Any) -> str:
    """The ChittyID of a row that is there, in any form: adopted rows have others than new ones."""
    return text(chitty_ids.LONGEST)(_string(value).removeprefix(chitty_ids.DID))


def new_connection_id(value: Any) -> str:
    string = _string(value)
    if not connection_ids.is_well_formed(string):
        raise InvalidValue(f"{secrets.quote(string)} must be {connection_ids.FORMS}")
    return string


def connection_id_of_row(value: Any) -> str:
    """The id of a connection that is there, in any form, like `chitty_id_of_row`."""
    return text(connection_ids.LONGEST, shortest=0)(value)


def text(longest: int, *, shortest: int = 1, lines: bool = False) -> Validator[str]:
    """Validates a string without control characters; `lines` allows line breaks and tabs."""
    control = _CONTROL_BUT_LINES if lines else _CONTROL

    def check(value: Any) -> str:
        string = _string(value)
        if not shortest <= len(string) <= longest:
            raise InvalidValue(f"has {len(string)} characters, must have {shortest} to {longest}")
        if control.search(string):
            raise InvalidValue("must not contain control characters")
        return string

    return check


def name(value: Any) -> str:
    string = text(MAX_NAME_LENGTH)(value)
    if string != string.strip():
        raise InvalidValue("must not begin or end with a space")
    return string


def email(value: Any) -> str:
    address = text(MAX_EMAIL_LENGTH)(value)
    local, _, domain = address.rpartition("@")
    if len(local) > 64 or not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise InvalidValue(
            f"{secrets.quote(address)} must be an email address, such as somebody@example.org"
        )
    return address


def url(value: Any) -> str:
    string = text(MAX_URL_LENGTH)(value)
    if re.search(r"[\s\\]", string):
        raise InvalidValue("a URL must not contain spaces or backslashes: percent-encode them")
    try:
        parts = urlsplit(string)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidValue(
            f"{secrets.quote(string)} must be a URL, such as https://example.org/path"
        ) from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise InvalidValue(
            f"{secrets.quote(string)} must be a URL, such as https://example.org/path"
        )
    if "@" in parts.netloc:
        raise InvalidValue("a URL must not contain a user name or password: leave them out")
    return string


def string_list(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise InvalidValue("must be a list of strings")
    if len(value) > MAX_ITEMS:
        raise InvalidValue(f"has {len(value)} items; {MAX_ITEMS} are allowed")
    item = text(MAX_ITEM_LENGTH)
    positions: dict[str, int] = {}
    for position, each in enumerate(value, start=1):
        try:
            cleaned = item(each)
        except InvalidValue as invalid:
            raise InvalidValue(f"item {position}: {invalid}") from None
        if cleaned in positions:
            raise InvalidValue(
                f"item {position} repeats item {positions[cleaned]}: remove one of them"
            )
        positions[cleaned] = position
    return list(positions)


def key_reference(value: Any) -> str:
    """The key of stored credentials, never the credentials themselves."""
    key = _string(value)
    # The first characters tell: to look through a whole body takes long.
    if secrets.looks_secret(key[: secrets.MAX_QUOTED]):
        raise InvalidValue(
            "this looks like a secret: put it into the credentials store"
            " and send the key that it is stored under"
        )
    if not _REFERENCE.fullmatch(key):
        raise InvalidValue(
            "must be the key of stored credentials: 1 to 200 characters, A-Z a-z 0-9 : . _ / -"
        )
    return key


def whole_number(minimum: int, maximum: int) -> Validator[int]:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidValue("must be a whole number")
        if not minimum <= value <= maximum:
            raise InvalidValue(f"must be from {minimum} to {maximum}")
        return value

    return check


github_id = whole_number(1, INT64_MAX)
"""Validates an id that GitHub assigned."""

installation_id_of_row = whole_number(INT64_MIN, INT64_MAX)
"""Validates the id of an installation that is there: an adopted one may be no id of GitHub."""


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidValue("must be true or false")
    return value


def one_of(members: type[E]) -> Validator[E]:
    def check(value: Any) -> E:
        if not isinstance(value, members):
            raise InvalidValue(f"must be one of {', '.join(member.name for member in members)}")
        return value

    return check


def instant(value: Any) -> str:
    try:
        return instants.parse(_string(value))
    except ValueError:
        raise InvalidValue("must be an instant, such as 2026-11-22T09:30:00.000Z") from None


def past_instant(value: Any) -> str:
    """An instant that is not in the future, allowing for clocks that run a little fast."""
    moment = instant(value)
    if moment > instants.canonical(datetime.now(UTC) + CLOCK_SKEW):
        raise InvalidValue(f"{moment} is in the future: send an instant that has passed")
    return moment


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidValue("must be a string")
    if not value.isascii() and _SURROGATE.search(value):  # to know that it is ASCII takes no time
        raise InvalidValue("must not contain half a surrogate pair")
    return value
