"""Answers and rows without the times at which they were made: two services never write at once."""

import base64
import re
from dataclasses import replace

from tests.support.corpus.answers import Answer

_INSTANT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
# A cursor's first byte is its version, 1.
_CURSOR = re.compile(r'"(A[Q-Z][A-Za-z0-9_-]{40,})"')
_HEADER_BYTES = 17


def answer(found: Answer, since: str) -> Answer:
    """An answer in which every instant since then is `now`."""
    return replace(found, body=without(found.body, since))


def without(text: str, since: str) -> str:
    """A text in which every instant since then is `now`, in cursors too."""
    opened = _CURSOR.sub(lambda found: _opened(found, since), text)
    return _INSTANT.sub(lambda found: "now" if found[0] >= since else found[0], opened)


def _opened(found: re.Match[str], since: str) -> str:
    """A cursor's place, where that holds such an instant."""
    cursor = found[1]
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        place = raw[_HEADER_BYTES:].decode()
    except ValueError:
        return found[0]
    return repr(place) if any(each >= since for each in _INSTANT.findall(place)) else found[0]
