"""Ids of connections: a UUID, or `conn-` and a UUID as ChittyConnect makes them, in lowercase.

Rows of adopted registries may have any other.
"""

import re

LONGEST = 1_000
FORMS = "a UUID (8-4-4-4-12 lowercase hexadecimal digits), or conn- and a UUID"

_FORM = re.compile(r"(?:conn-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_well_formed(text: str) -> bool:
    return _FORM.fullmatch(text) is not None


def spellings(text: str) -> tuple[str, ...]:
    """The ids that a text may stand for, the likeliest first: a UUID may be sent in uppercase."""
    lowered = text.lower()
    return (text, lowered) if lowered != text and is_well_formed(lowered) else (text,)
