"""Idempotency keys as clients send them.

In a header (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/) or, since browsers
cannot send headers on a WebSocket, as `idempotencyKey` in the request's `extensions`.
"""

import re
from typing import Any

from server.graphql.request import MalformedRequest

MAX_CHARACTERS = 255
HEADER = b"idempotency-key"
# A string of Structured Fields (RFC 9651, section 3.3.3), without parameters.
_QUOTED = re.compile(rb'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_ESCAPED = re.compile(rb'\\(["\\])')
# What clients send who do not know that a string has quotes: anything but what has a meaning in a list.
_BARE = re.compile(rb"[!#-+\-.-:<-\[\]-~]+")
_PRINTABLE = re.compile(r"[ -~]+")


def key_of(header: bytes | None, member: Any) -> str | None:
    """The key in a header or in `extensions`, if any; raises MalformedRequest."""
    in_header = None if header is None else _of_header(header)
    if member is None:
        return in_header
    if not isinstance(member, str) or not _PRINTABLE.fullmatch(member):
        raise MalformedRequest("idempotencyKey in extensions must be a string of printable ASCII")
    if in_header is not None and in_header != member:
        raise MalformedRequest(
            "Idempotency-Key and idempotencyKey in extensions differ: send one of them"
        )
    return _of_right_length(member)


def _of_header(header: bytes) -> str:
    value = header.strip(b" \t")
    if quoted := _QUOTED.fullmatch(value):
        return _of_right_length(_ESCAPED.sub(rb"\1", quoted[1]).decode())
    if _BARE.fullmatch(value):
        return _of_right_length(value.decode())
    raise MalformedRequest(
        "Idempotency-Key must come once, as a string in quotes, such as"
        ' "8e03978e-40d5-43dd-bc93-6894a57f9324"'
    )


def _of_right_length(key: str) -> str:
    if 0 < len(key) <= MAX_CHARACTERS:
        return key
    raise MalformedRequest(
        f"an idempotency key must have 1 to {MAX_CHARACTERS} characters, not {len(key)}: send a random UUID"
    )
