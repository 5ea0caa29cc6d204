"""Whether a request to an open service was meant for it, or for a name that a stranger chose.

Whoever reaches an open service may do everything, which is why it listens on this machine only. A page
of a stranger in a browser here reaches it all the same once the stranger's name leads to this machine
(DNS rebinding); then Host still has that name.
"""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

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


@lru_cache(256)
def _is_own(host: bytes) -> bool:
    given = host.decode("latin-1")
    name = given.partition("]")[0].lstrip("[") if given.startswith("[") else given.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.lower().endswith(".localhost")
    return True
