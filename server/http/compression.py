"""Compresses responses for clients that accept that (RFC 9110, section 12.5.3)."""

import asyncio
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import brotli
import zstandard
from starlette.requests import Request
from starlette.responses import Response

from server.http import negotiation
from server.http.headers import Headers, by_name

# The length of a compressed response can leak a secret beside text that an attacker chooses (BREACH).
# Responses contain no secret: credentials arrive in headers and are never sent back.

IDENTITY = ""
VARY = "accept, accept-encoding, authorization, origin"  # the headers that responses depend on
MIN_BYTES = 1_024
# Compressing less than this takes less time than handing it to another thread.
THREAD_BYTES = 50_000
GZIP_FORMAT = 31
# Identity is always acceptable unless it is excluded, but any coding that the client names is better.
UNNAMED_IDENTITY_QUALITY = 0.000_1


# The levels favour speed: 25 KB of JSON take zstd 0.05, br 0.05 and gzip 0.1 ms. Higher levels save little
# and take several times as long.
def _gzip(body: bytes) -> bytes:
    return zlib.compress(body, 1, GZIP_FORMAT)


def _brotli(body: bytes) -> bytes:
    compressed: bytes = brotli.compress(body, quality=1)
    return compressed


def _zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(body)


# Of codings that a client prefers equally, the first is used.
CODINGS: Mapping[str, Callable[[bytes], bytes]] = {"zstd": _zstd, "br": _brotli, "gzip": _gzip}


@dataclass(frozen=True, slots=True)
class AcceptedCodings:
    """The codings that a client accepts, the preferred one first; IDENTITY is none."""

    codings: tuple[str, ...]

    def best(self, size: int) -> str:
        """The coding for a body of `size` bytes; a small one is not compressed if the client allows that."""
        if size < MIN_BYTES and IDENTITY in self.codings:
            return IDENTITY
        return self.codings[0]


IDENTITY_ONLY = AcceptedCodings((IDENTITY,))


def accepted_codings(headers: Headers) -> AcceptedCodings | None:
    """The codings that a request's headers accept; None if we support none of them."""
    value = headers.get(b"accept-encoding")
    # Cut off first, as the header is what the cache keeps.
    return IDENTITY_ONLY if value is None else _parse(value[: negotiation.MAX_CHARACTERS])


@lru_cache(256)
def _parse(header: bytes) -> AcceptedCodings | None:
    text = header.decode("latin-1").lower()
    qualities = dict(negotiation.parse_weighted(part) for part in text.split(","))
    others = qualities.get("*", 0.0)
    ranked = [(qualities.get(coding, others), coding) for coding in CODINGS]
    identity = qualities.get("identity", qualities.get("*", UNNAMED_IDENTITY_QUALITY))
    ranked.append((identity, IDENTITY))
    accepted = sorted((each for each in ranked if 0 < each[0] <= 1), key=lambda each: -each[0])
    return AcceptedCodings(tuple(coding for _, coding in accepted)) if accepted else None


async def response(
    request: Request, body: bytes, media_type: str, headers: Mapping[str, str]
) -> Response:
    accepted = accepted_codings(by_name(request.scope["headers"])) or IDENTITY_ONLY
    coding = accepted.best(len(body))
    if coding != IDENTITY:
        headers = {**headers, "content-encoding": coding}
    return Response(
        await compress(body, coding),
        media_type=media_type,
        headers={**headers, "vary": VARY},
    )


def headers(coding: str) -> list[tuple[bytes, bytes]]:
    return [] if coding == IDENTITY else [(b"content-encoding", coding.encode())]


async def compress(body: bytes, coding: str) -> bytes:
    """The body in this coding; a large one is compressed in another thread."""
    if coding == IDENTITY:
        return body
    if len(body) < THREAD_BYTES:
        return CODINGS[coding](body)
    return await asyncio.to_thread(CODINGS[coding], body)
