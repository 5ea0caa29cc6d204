"""How new what an operation reads must be, as clients say it: two headers, or members of `connection_init`.

`X-ChittyGraph-Consistency` is an item of Structured Fields (RFC 9651, section 3.3): a token with one
parameter, such as `none; freshness=2.5`. `X-ChittyGraph-Mark` is what a mutation was answered with.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cachetools import LRUCache

from db.consistency import NOW, At, Level
from db.queries import log_positions
from db.queries.log_positions import Kind
from server.http.errors import HTTPError
from server.http.headers import Headers

HEADER = b"x-chittygraph-consistency"
MARK_HEADER = b"x-chittygraph-mark"
CONSISTENCY, MARK = "consistency", "mark"  # members of the payload of connection_init
LEVELS = {level.value: level for level in Level}
MOST_SECONDS = 86_400.0
MAX_CACHED_BYTES = 100
VIEWERS_KEPT = 10_000
_VALUE = re.compile(
    r" *(?P<level>[a-z]+)(?: *; *freshness=(?P<seconds>[0-9]{1,12}(?:\.[0-9]{1,3})?))? *", re.ASCII
)
HOW = "send none, weak or strong, and for none, if you like, how many seconds old what is read may be:"
EXAMPLE = "none; freshness=2.5"


def at_of(headers: Headers, key: bytes) -> At:
    """What the headers of a request ask for; raises BadHeader, with BAD_CONSISTENCY or BAD_MARK."""
    value, mark = headers.get(HEADER), headers.get(MARK_HEADER)
    if value is None and mark is None:  # as nearly all requests
        return NOW
    return _at(_text(value), _text(mark), key)


def at_in(payload: Any, key: bytes) -> At:
    """The same in the payload of `connection_init`; raises like `at_of`."""
    if not isinstance(payload, Mapping):
        return NOW
    value, mark = payload.get(CONSISTENCY), payload.get(MARK)
    if not isinstance(value, str | None):
        raise _bad_consistency(f"consistency must be a text: {HOW} {EXAMPLE}")
    if not isinstance(mark, str | None):
        raise _bad_mark()
    return _at(value, mark, key)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _at(value: str | None, mark: str | None, key: bytes) -> At:
    at = NOW if value is None else _cached(value) if len(value) <= MAX_CACHED_BYTES else None
    if at is None:
        raise _bad_consistency(f"X-ChittyGraph-Consistency is too long: {HOW} {EXAMPLE}")
    if mark is None:
        return at
    number = log_positions.unseal(key, mark, Kind.MARK)
    if number is None:
        raise _bad_mark()
    return At(at.level, at.freshness, number)


@lru_cache(256)
def _cached(value: str) -> At:
    found = _VALUE.fullmatch(value)
    level = LEVELS.get(found["level"]) if found else None
    if found is None or level is None:
        raise _bad_consistency(f"X-ChittyGraph-Consistency is malformed: {HOW} {EXAMPLE}")
    if found["seconds"] is None:
        return At(level)
    if level is not Level.NONE:
        raise _bad_consistency(
            f"freshness is only for none, since {level.value} reads what the leader has: leave it out"
        )
    seconds = float(found["seconds"])
    if not 0 < seconds <= MOST_SECONDS:
        raise _bad_consistency(
            f"freshness must be more than 0 and at most {MOST_SECONDS:g} seconds: {EXAMPLE}"
        )
    return At(level, seconds)


class BadHeader(HTTPError):
    """Raised, with a code, for a header that says what nobody can read at."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(400, message, code=code)


def _bad_consistency(message: str) -> BadHeader:
    return BadHeader("BAD_CONSISTENCY", message)


def _bad_mark() -> BadHeader:
    return BadHeader(
        "BAD_MARK",
        "the mark is damaged, or from another registry: send what X-ChittyGraph-Mark was in the response to a"
        " mutation here, or leave it out",
    )


def add_mark(response: dict[str, Any], mark: str | None) -> None:
    """Put the mark of a mutation's writes, if any, into a response that has no headers of its own."""
    if mark is not None:
        response["extensions"] = {**response.get("extensions", {}), MARK: mark}


class Marks:
    """The newest mark of each viewer that has written through this process, so that its reads see it.

    Of viewers beyond VIEWERS_KEPT only the newest mark is kept, for all who are not known: their reads may be
    newer than they must be, never older. With an engine that needs no marks, none `are_kept`.
    """

    def __init__(self, most: int = VIEWERS_KEPT) -> None:
        self._most = most
        self._of_viewer: LRUCache[str, int] = LRUCache(most + 1)
        self._of_others = 0
        self.are_kept = False

    def record(self, share: str, mark: int) -> None:
        """Remember what a viewer has written; `share` is the viewer's."""
        self.are_kept = True
        self._of_viewer[share] = max(mark, self._of_viewer.get(share, 0))
        if len(self._of_viewer) > self._most:
            _, dropped = self._of_viewer.popitem()
            self._of_others = max(self._of_others, dropped)

    def at(self, at: At, share: str) -> At:
        """The state that a viewer's operation has to see, if it asks for `at`."""
        mark = max(at.mark, self._of_viewer.get(share, self._of_others))
        return at if mark == at.mark else At(at.level, at.freshness, mark)
