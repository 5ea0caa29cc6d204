"""Protects open mode from web pages: from DNS rebinding (by Host) and foreign WebSockets (by Origin)."""

import re
import socket
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from server import ip_addresses

# Whoever reaches a server in open mode may do everything, so it listens on this machine only. But web pages
# in a browser here can reach it, too: under a name whose owner lets it resolve to this machine, which the
# Host header then has; and by a WebSocket, which every page may open, with its own site in Origin.

MAX_SHOWN = 100
_HOST = re.compile(r"(?P<name>\[[^\]]*\]|[^:\[\]]*)(:\d*)?")  # RFC 9110, section 7.2
_OWN_NAMES = frozenset({"", socket.gethostname().lower()})  # HTTP/1.0 sends none


def untrusted_host(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The Host header, shortened, if its name could be somebody else's; None otherwise."""
    for name, value in headers:
        if name == b"host" and not _is_own(value):
            return value.decode("latin-1")[:MAX_SHOWN]
    return None


def untrusted_origin(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The Origin header, shortened, if another site's page sent the request (RFC 6455, section 10.2)."""
    values = dict(headers)
    origin = values.get(b"origin")
    if origin is None:
        return None
    try:
        page = urlsplit(origin.decode("latin-1"))
        # From this service, by the name in Host, or from this machine.
        is_own = page.netloc == values.get(b"host", b"").decode("latin-1") or is_loopback(
            page.hostname or ""
        )
    except ValueError:
        is_own = False
    return None if is_own else origin.decode("latin-1")[:MAX_SHOWN]


def is_loopback(name: str) -> bool:
    """Whether a name (RFC 6761, section 6.3) or address is this machine's, whatever the resolver says."""
    address = ip_addresses.parse(name)
    if address is not None:
        return address.is_loopback
    return name == "localhost" or name.endswith(".localhost")


@lru_cache(256)
def _is_own(host: bytes) -> bool:
    match = _HOST.fullmatch(host.decode("latin-1").lower())
    if match is None:
        return False
    # All names but these resolve to whatever their owner chooses.
    name = match["name"].strip("[]")
    return is_loopback(name) or name in _OWN_NAMES or ip_addresses.parse(name) is not None
