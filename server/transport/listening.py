"""Sockets that listen for clients."""

import socket
from ipaddress import IPv6Address

from server import ip_addresses

BACKLOG = 2048
ALL_ADDRESSES = IPv6Address("::")


def listener(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """A socket that listens; on `::` for clients of IPv4, too, if the system can do that. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Systems differ in what they do unless told, and `create_server` tells them not to.
    takes_both = ip_addresses.parse(host) == ALL_ADDRESSES and socket.has_dualstack_ipv6()
    return socket.create_server(
        (host, port),
        family=family,
        backlog=BACKLOG,
        reuse_port=reuse_port,
        dualstack_ipv6=takes_both,
    )
