"""Ports that stay free while what listens there is down."""

import secrets
import socket


def own_host() -> str:
    """An address of this machine, 127.x.y.z, that nothing else uses.

    A port of 127.0.0.1 may be taken by another while its program is stopped: the system gives it to clients.
    """
    return ".".join(["127", *(str(1 + secrets.randbelow(254)) for _ in range(3))])


def own_ports(count: int) -> tuple[str, tuple[int, ...]]:
    """Such an address, and so many free ports of it."""
    host = own_host()
    sockets = [socket.create_server((host, 0)) for _ in range(count)]
    ports = tuple(one.getsockname()[1] for one in sockets)
    for one in sockets:
        one.close()
    return host, ports
