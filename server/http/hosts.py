"""Whether a request to an open service was meant for it, or comes of what a stranger chose.

Whoever reaches an open service may do everything, which is why it listens on this machine only. A page
of a stranger in a browser here reaches it all the same once the stranger's name leads to this machine
(DNS rebinding); then Host still has that name. And a browser lets any page open a WebSocket, but says in
Origin whose page it is.
"""

import re
import socket
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from server import ip_addresses

SHOWN = 100
_HOST = re.compile(r"(?P<name>\[[^\]]*\]|[^:\[\]]*)(:\d*)?")  # RFC 9110, section 7.2
_OWN_NAMES = frozenset({"", socket.gethostname().lower()})  # HTTP/1.0 names none


def foreign(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The name in Host that a stranger could have chosen, cut short; None where there is none.

    This machine's are addresses, `localhost` and what is under it (RFC 6761, section 6.3), and the name
    that it goes by itself; who runs a network decides where all others lead.
    """
    for name, value in headers:
        if name == b"host" and not _is_own(value):
            return value.decode("latin-1")[:SHOWN]
    return None


def foreign_origin(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The origin of a stranger's page, cut short; None where there is none (RFC 6455, section 10.2).

    Pages of this service are its own, by whatever name it was asked, and so are those of this machine.
    """
    found = dict(headers)
    origin = found.get(b"origin")
    if origin is None:
        return None
    try:
        page = urlsplit(origin.decode("latin-1"))
        is_own = page.netloc == found.get(b"host", b"").decode("latin-1") or is_loopback(
            page.hostname or ""
        )
    except ValueError:
        is_own = False
    return None if is_own else origin.decode("latin-1")[:SHOWN]


def is_loopback(name: str) -> bool:
    """Whether a name or an address is this machine's by its form."""
    address = ip_addresses.parse(name)
    if address is not None:
        return address.is_loopback
    return name == "localhost" or name.endswith(".localhost")


@lru_cache(256)
def _is_own(host: bytes) -> bool:
    given = _HOST.fullmatch(host.decode("latin-1").lower())
    if given is None:
        return False
    name = given["name"].strip("[]")
    return is_loopback(name) or name in _OWN_NAMES or ip_addresses.parse(name) is not None
