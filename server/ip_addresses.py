"""IP addresses, from texts that may also be names."""

import ipaddress
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse(text: str) -> Address | None:
    """The address; of IPv4 also if it is written as `::ffff:…`, as a socket for both names such clients."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def client_network(address: str) -> str:
    """What one client controls: its IPv4 address, or the /64 of its IPv6 address; other text as it is."""
    parsed = parse(address) if ":" in address else None
    if parsed is None:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
