"""Protects open mode from DNS rebinding, by the name in `Host`."""

import re
import socket
from collections.abc import Sequence
from functools import lru_cache

from server import ip_addresses

# Whoever reaches a server in open mode may do everything, so it listens on this machine only. But web pages
# in a browser here can reach it, too, under a name whose owner lets it resolve to this machine: the Host
# header then has that name. Pages that say whose they are, in Origin, are told apart in server/http/cors.py.

MAX_SHOWN = 100
MAX_BYTES = 300  # of a Host: a name has 253 at most (RFC 1035), and verdicts are cached
_HOST = re.compile(r"(?P<name>\[[^\]]*\]|[^:\[\]]*)(:\d*)?")  # RFC 9110, section 7.2
_OWN_NAMES = frozenset({"", socket.gethostname().lower()})  # HTTP/1.0 sends none


def untrusted_host(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The Host header, shortened, if its name could be somebody else's; None otherwise."""
    for name, value in headers:
        if name == b"host" and (len(value) > MAX_BYTES or not _is_own(value)):
            return value.decode("latin-1")[:MAX_SHOWN]
    return None


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
