"""Sockets that listen for clients."""

import socket
from contextlib import ExitStack
from ipaddress import IPv6Address

from server import ip_addresses

BACKLOG = 2048
# uvloop accepts one connection for each listening socket in a turn of its loop: with one socket, the last of
# many clients who connect would wait as many turns.
ACCEPTED_IN_A_TURN = 8
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


def several(listener: socket.socket, opened: ExitStack) -> list[socket.socket]:
    """The socket as often as connections are to be accepted in one turn of the event loop."""
    repeated = range(1, ACCEPTED_IN_A_TURN)
    return [listener, *(opened.enter_context(listener.dup()) for _ in repeated)]
