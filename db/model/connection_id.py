"""Ids of connections: a UUID, or `conn-` and a UUID as ChittyConnect makes them, in lowercase.

Rows of adopted registries may have any other.
"""

import os
import re
import time
from uuid import UUID

LONGEST = 1_000
FORMS = "a UUID (8-4-4-4-12 lowercase hexadecimal digits), or conn- and a UUID"

_FORM = re.compile(r"(?:conn-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_id() -> str:
    """A UUID of version 7 (RFC 9562), which begins with the time in milliseconds."""
    # Every index of connections ends in the key. With random ids a new row is written to another page of
    # each, with these to the page of the row before (W4 of the benchmark).
    version, variant = 7 << 76, 2 << 62
    random = int.from_bytes(os.urandom(10), "big") & ~(0xF << 76 | 3 << 62)
    return str(UUID(int=time.time_ns() // 1_000_000 << 80 | version | variant | random))


def is_well_formed(text: str) -> bool:
    return _FORM.fullmatch(text) is not None


def spellings(text: str) -> tuple[str, ...]:
    """The ids that a text may stand for, the likeliest first: a UUID may be sent in uppercase."""
    lowered = text.lower()
    return (text, lowered) if lowered != text and is_well_formed(lowered) else (text,)
