"""ETags of responses to GET and QUERY, revalidated with If-None-Match (RFC 9110, section 13.1.2)."""

import hashlib
import multiprocessing
from collections.abc import Sequence
from functools import lru_cache

from resolvers.permissions import Viewer
from server.http import compression
from server.http.compression import IDENTITY, AcceptedCodings
from server.http.headers import Headers

# Clients may store the response, but no shared cache may, and must revalidate it each time.
HEADERS: Sequence[tuple[bytes, bytes]] = (
    (b"cache-control", b"private, no-cache"),
    (b"vary", compression.VARY.encode()),
)

MAX_CACHED, MAX_CACHED_BYTES = 500, 4_000  # tags, and the source of one


def make_tag(state: bytes, document: str, source: bytes, media_type: str, viewer: Viewer) -> str:
    """A tag that changes with everything that a response depends on, but its coding.

    `document` is the digest of its text. `source` is what names the operation and its variables: the
    parameters of a GET, the body of a QUERY.
    """
    make = _tag_cached if len(source) <= MAX_CACHED_BYTES else _tag
    return make(state, document, source, media_type, viewer.actor, viewer.capabilities)


def tag_of(body: bytes, media_type: str) -> str:
    """A tag of a response itself, which tells nothing else, not even that somebody has written."""
    return _keyed(b"%b %b" % (media_type.encode(), body)).hexdigest()


def _tag(
    state: bytes,
    document: str,
    source: bytes,
    media_type: str,
    actor: str | None,
    capabilities: tuple[str, ...],
) -> str:
    # No field depends on the clock. The source need not be in one form: each client compares with its own.
    text = f"{document} {len(source)} {media_type} {actor!r} {capabilities!r} "
    return _keyed(text.encode() + source + state).hexdigest()


# Clients revalidate the same response again and again while the state stays.
_tag_cached = lru_cache(MAX_CACHED)(_tag)


def _keyed(content: bytes) -> hashlib.blake2b:
    # A secret that the server makes when it starts: a restart, with other code or settings, changes all tags.
    key = multiprocessing.current_process().authkey
    return hashlib.blake2b(content, key=key, digest_size=16)


def header(tag: str, coding: str) -> tuple[bytes, bytes]:
    """The ETag header of a response in this coding: a strong one, since each coding has its own."""
    return b"etag", _quoted(tag, coding).encode()


def matching_header(
    headers: Headers, tag: str | None, accepted: AcceptedCodings
) -> tuple[bytes, bytes] | None:
    """The ETag header that If-None-Match names, if it is for this tag and a coding that `accepted` has."""
    # `*` matches nothing here: whether there is a response at all is only known once it is made.
    value = headers.get(b"if-none-match")
    if value is None or tag is None:
        return None
    for coding in accepted.codings:
        found = header(tag, coding)
        # With its quotes, which no tag has inside, it is in the list only as a member, weak or not.
        if found[1] in value:
            return found
    return None


def _quoted(tag: str, coding: str) -> str:
    return f'"{tag}"' if coding == IDENTITY else f'"{tag}-{coding}"'
