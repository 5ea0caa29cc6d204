"""Answers to GET that a client may keep and ask about: "is that still so?" (RFC 9110, section 13.1.2).

An ETag stands for everything that an answer depends on: the state of the database, the document, the
parameters, the viewer, the media type and this start of the server, whose program and settings are the
same in all its workers. No field's value depends on the clock. What was read while something was
committed has no tag.
"""

import hashlib
import multiprocessing
from collections.abc import Sequence

from resolvers.permissions import Viewer
from server.http import compression
from server.http.compression import IDENTITY, Accepted

# Kept by the client alone, and asked about each time.
HEADERS: Sequence[tuple[bytes, bytes]] = (
    (b"cache-control", b"private, no-cache"),
    (b"vary", compression.VARY.encode()),
)


def tag(
    state: bytes | None, document: str, query_string: bytes, media_type: str, viewer: Viewer
) -> str | None:
    """What marks the answer that is made of these, whatever its coding; None without a state.

    The parameters are taken as they came: a tag is only ever compared with those of the same URL.
    """
    if state is None:
        return None
    # Made when a server starts and handed to its workers; nobody else knows it.
    start = multiprocessing.current_process().authkey
    parts = state, query_string, document.encode()
    sizes = " ".join(str(len(part)) for part in parts)
    who = f"{viewer.actor!r} {viewer.capabilities!r}"
    whole = b"".join((f"{media_type} {who} {sizes} ".encode(), *parts))
    return hashlib.blake2b(whole, key=start, digest_size=16).hexdigest()


def header(tag: str, coding: str) -> tuple[bytes, bytes]:
    """The ETag of an answer in this coding: a strong one, since other codings have others."""
    return b"etag", _quoted(tag, coding).encode()


def still_held(
    headers: Sequence[tuple[bytes, bytes]], tag: str | None, accepted: Accepted
) -> tuple[bytes, bytes] | None:
    """The ETag of the answer that a client says it holds, if it has this tag; None otherwise.

    A tag counts only for an encoding that the client still accepts. `*` is ignored: whether there is an
    answer at all is known only once it is made.
    """
    given = b",".join(value for name, value in headers if name == b"if-none-match")
    if not given or tag is None:
        return None
    tags = {each.strip().removeprefix("W/") for each in given.decode("latin-1").split(",")}
    coding = next((each for each in accepted.codings if _quoted(tag, each) in tags), None)
    return None if coding is None else header(tag, coding)


def _quoted(tag: str, coding: str) -> str:
    return f'"{tag}"' if coding == IDENTITY else f'"{tag}-{coding}"'
