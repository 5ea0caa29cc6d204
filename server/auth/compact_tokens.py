"""The compact serialization of signed tokens (RFC 7515, section 7.1): each token has one form."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from db.model import strict_json

MAX_CHARACTERS = 8_192
_PART = re.compile(r"[A-Za-z0-9_-]*")


class MalformedToken(ValueError):
    """The message completes "the token …", without quoting it."""


@dataclass(frozen=True, slots=True)
class CompactToken:
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def parse(token: str) -> CompactToken:
    """The header and claims of a token, whose signature is not verified; raises MalformedToken.

    Base64url has no padding and no stray bits (RFC 7515, section 2), and no JSON object repeats a name
    (RFC 7519, section 4): readers that forgive differ in what they read.
    """
    if len(token) > MAX_CHARACTERS:
        raise MalformedToken(f"is longer than {MAX_CHARACTERS} characters")
    parts = token.split(".")
    if len(parts) != 3:
        raise MalformedToken("is not valid: it must have three parts")
    header, claims, _ = (_decode(part) for part in parts)
    return CompactToken(_object(header, "header"), _object(claims, "payload"))


def _decode(part: str) -> bytes:
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        decoded = b""
    # Encoded again, it is the same only if nothing was passed over.
    canonical = base64.urlsafe_b64encode(decoded).rstrip(b"=").decode()
    if not _PART.fullmatch(part) or canonical != part:
        raise MalformedToken("is not valid: its parts must be base64url without padding")
    return decoded


def _object(raw: bytes, name: str) -> Mapping[str, Any]:
    try:
        value = strict_json.parse(raw.decode())
    except strict_json.RepeatedKey as error:
        raise MalformedToken(f"is not valid: its {name} has a name twice") from error
    except ValueError as error:
        raise MalformedToken(f"is not valid: its {name} is not JSON") from error
    if not isinstance(value, dict):
        raise MalformedToken(f"is not valid: its {name} must be a JSON object")
    return value
