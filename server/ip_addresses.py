"""IP addresses, where a text may be one or a name."""

import ipaddress
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def parsed(text: str) -> Address | None:
    """The address that a text is; None for a name, or anything else."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
