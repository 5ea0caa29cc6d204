"""The address of the client, where trusted proxies forward requests (`X-Forwarded-For`)."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

from server import ip_addresses

FORWARDED_FOR = b"x-forwarded-for"


class TrustedProxies:
    """Addresses or networks whose `X-Forwarded-For` is trusted; raises ValueError for anything else."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network, strict=False) for network in networks]
        self._is_trusted = lru_cache(1_024)(self._is_in_networks)

    def client_address(self, address: str, headers: Sequence[tuple[bytes, bytes]]) -> str:
        """The address nearest to us that is not a trusted proxy, for a connection from `address`."""
        if not self._networks or not self._is_trusted(address):
            return address
        forwarded = b",".join(value for name, value in headers if name == FORWARDED_FOR)
        # Each proxy appends the address of its client: what precedes the last untrusted one may be forged.
        for part in reversed(forwarded.decode("latin-1").split(",")):
            previous = part.strip()
            if not self._is_trusted(previous):
                return previous if ip_addresses.parse(previous) else address
            address = previous
        return address

    def _is_in_networks(self, address: str) -> bool:
        parsed = ip_addresses.parse(address)
        unmapped = getattr(parsed, "ipv4_mapped", None) or parsed
        return unmapped is not None and any(unmapped in network for network in self._networks)
