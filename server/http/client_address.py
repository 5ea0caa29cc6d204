"""Which address a request comes from, where proxies pass on those of others (`X-Forwarded-For`)."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

from server import ip_addresses

FORWARDED_FOR = b"x-forwarded-for"


class Proxies:
    """The proxies whose word on whom they speak for is taken: addresses, or networks of them.

    Raises ValueError for what is neither.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(each, strict=False) for each in networks]
        self._is_trusted = lru_cache(1_024)(self._looked_up)

    def client(self, address: str, headers: Sequence[tuple[bytes, bytes]]) -> str:
        """The address nearest to us that is no such proxy's, of a request that came from `address`.

        Each proxy adds at the end of the header where it was asked from; what stands before the first
        address that we do not trust may be made up.
        """
        if not self._networks or not self._is_trusted(address):
            return address
        given = b",".join(value for name, value in headers if name == FORWARDED_FOR)
        for each in reversed(given.decode("latin-1").split(",")):
            if not self._is_trusted(each.strip()):
                return each.strip() if ip_addresses.parse(each.strip()) else address
            address = each.strip()
        return address

    def _looked_up(self, address: str) -> bool:
        found = ip_addresses.parse(address)
        mapped = getattr(found, "ipv4_mapped", None) or found
        return mapped is not None and any(mapped in network for network in self._networks)
