"""Where a request goes: the addresses of a host, all of them checked, from one look-up."""

import ipaddress
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from resolvers.validation import target_addresses
from server.webhooks_out.name_lookups import NameLookups

MOST_ADDRESSES = 4  # that are tried, one after the other
DISCARD_PORT = 9


class ForbiddenTarget(Exception):
    """Raised for a host with an address that webhooks must not be sent to."""


async def checked_addresses(
    lookups: NameLookups, host: str, port: int, *, allow_private: bool
) -> Sequence[IPv4Address | IPv6Address]:
    """The addresses to connect to, best first. Raises ForbiddenTarget and NoAddress.

    One forbidden address forbids all: whoever answers for the name decides which of them comes first.
    """
    texts = await lookups.addresses(host, port)
    addresses = [ipaddress.ip_address(text) for text in texts]
    for address in addresses:
        kind = target_addresses.problem(address, allow_private=allow_private)
        if kind is None and not allow_private and _is_own(address):
            kind = "the server's own"
        if kind is not None:
            remedy = f"; {target_addresses.REMEDY}" if kind in target_addresses.PRIVATE else ""
            raise ForbiddenTarget(
                f"webhooks are not sent to {kind} addresses, and the host has one{remedy}"
            )
    return addresses[:MOST_ADDRESSES]


def _is_own(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is this machine's. Nothing is sent: the kernel only chooses a route."""
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), DISCARD_PORT))
            return ipaddress.ip_address(probe.getsockname()[0]) == address
    except OSError:  # there is no route to it
        return False
