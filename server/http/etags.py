"""ETags of responses to GET, which clients revalidate with If-None-Match (RFC 9110, section 13.1.2)."""

import hashlib
import multiprocessing
from collections.abc import Sequence

from resolvers.permissions import Viewer
from server.http import compression
from server.http.compression import IDENTITY, AcceptedCodings

# Clients may store the response, but no shared cache may, and must revalidate it each time.
HEADERS: Sequence[tuple[bytes, bytes]] = (
    (b"cache-control", b"private, no-cache"),
    (b"vary", compression.VARY.encode()),
)


def make_tag(
    state: bytes | None, document: str, query_string: bytes, media_type: str, viewer: Viewer
) -> str | None:
    """A tag that changes with everything that a response depends on, but its coding; None without a state."""
    if state is None:
        return None
    # A secret that the server makes when it starts: a restart, with other code or settings, changes all tags.
    # No field depends on the clock. The query string need not be parsed: tags are compared per URL.
    key = multiprocessing.current_process().authkey
    parts = state, query_string, document.encode()
    sizes = " ".join(str(len(part)) for part in parts)
    viewer_text = f"{viewer.actor!r} {viewer.capabilities!r}"
    content = b"".join((f"{media_type} {viewer_text} {sizes} ".encode(), *parts))
    return hashlib.blake2b(content, key=key, digest_size=16).hexdigest()


def header(tag: str, coding: str) -> tuple[bytes, bytes]:
    """The ETag header of a response in this coding: a strong one, since each coding has its own."""
    return b"etag", _quoted(tag, coding).encode()


def matching_header(
    headers: Sequence[tuple[bytes, bytes]], tag: str | None, accepted: AcceptedCodings
) -> tuple[bytes, bytes] | None:
    """The ETag header that If-None-Match names, if it is for this tag and a coding that `accepted` has."""
    # `*` matches nothing here: whether there is a response at all is only known once it is made.
    values = b",".join(value for name, value in headers if name == b"if-none-match")
    if not values or tag is None:
        return None
    tags = {each.strip().removeprefix("W/") for each in values.decode("latin-1").split(",")}
    coding = next((each for each in accepted.codings if _quoted(tag, each) in tags), None)
    return None if coding is None else header(tag, coding)


def _quoted(tag: str, coding: str) -> str:
    return f'"{tag}"' if coding == IDENTITY else f'"{tag}-{coding}"'
