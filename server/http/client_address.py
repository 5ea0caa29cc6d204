"""The address of the client, where trusted proxies forward requests (`X-Forwarded-For`)."""

import ipaddress
import logging
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from server import ip_addresses

FORWARDED_FOR = b"x-forwarded-for"
MAX_CHARACTERS = 100  # of one address, with its zone and port
# Some proxies append the client's port, and IPv6 addresses in brackets, as RFC 7239, section 6 writes them.
_WITH_PORT = re.compile(r"(?:\[(?P<ipv6>[^\]]*:[^\]]*)\]|(?P<ipv4>[0-9.]+))(?::[0-9]{1,5})?")

log = logging.getLogger(__name__)


class TrustedProxies:
    """Addresses or networks whose `X-Forwarded-For` is trusted; raises ValueError for anything else."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network, strict=False) for network in networks]
        self._is_trusted = lru_cache(1_024)(self._is_in_networks)
        self._has_warned = False

    def client_address(self, address: str, headers: Sequence[tuple[bytes, bytes]]) -> str:
        """The address nearest to us that is not a trusted proxy, for a connection from `address`."""
        if not self._networks or not self._is_trusted(address):
            return address
        forwarded = b",".join(value for name, value in headers if name == FORWARDED_FOR)
        if not forwarded:
            return address
        # Each proxy appends the address of its client: what precedes the last untrusted one may be forged.
        for part in reversed(forwarded.decode("latin-1").split(",")):
            previous = _parse(part.strip())
            if previous is None:
                self._warn(address)
                return address
            if not self._is_trusted(previous):
                return previous
            address = previous
        return address

    def _is_in_networks(self, address: str) -> bool:
        parsed = ip_addresses.parse(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def _warn(self, proxy: str) -> None:
        """Once: all clients whose address cannot be read share the limits of their proxy."""
        if not self._has_warned:
            self._has_warned = True
            log.warning("forwarded address not understood", extra={"proxy": proxy})


def _parse(text: str) -> str | None:
    """The IP address in a member of X-Forwarded-For; None if it has none."""
    if len(text) > MAX_CHARACTERS:
        return None
    match = _WITH_PORT.fullmatch(text)
    address = text if match is None else match["ipv6"] or match["ipv4"]
    return address if ip_addresses.parse(address) else None
