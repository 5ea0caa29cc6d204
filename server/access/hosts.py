"""Whether a request to an open service was meant for it, or comes of what a stranger chose.

Whoever reaches an open service may do everything, which is why it listens on this machine only. A page
of a stranger in a browser here reaches it all the same once the stranger's name leads to this machine
(DNS rebinding); then Host still has that name. And a browser lets any page open a WebSocket, but says in
Origin whose page it is.
"""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

SHOWN = 100


def foreign(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The name in Host that a stranger could have chosen, cut short; None where there is none.

    A stranger's name has a dot in it and is no address; names under `localhost` are this machine's
    (RFC 6761, section 6.3).
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
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


@lru_cache(256)
def _is_own(host: bytes) -> bool:
    given = host.decode("latin-1")
    name = given.partition("]")[0].lstrip("[") if given.startswith("[") else given.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.lower().endswith(".localhost")
    return True
