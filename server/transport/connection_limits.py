"""How many sockets each peer holds open: one of them must not take what all need."""

import logging
from collections import Counter

from server import ip_addresses

log = logging.getLogger(__name__)


class Peers:
    """Counts the open sockets of each peer address, in one process; `most` of 0 is no limit.

    Whoever holds an IPv6 address holds the network of 64 bits around it, which thus counts as one.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._open: Counter[str] = Counter()
        self._told: set[str] = set()

    def admit(self, address: str) -> bool:
        """Count one more socket of an address, which must be released; False when it has too many."""
        peer = ip_addresses.client_network(address)
        if self.most and self._open[peer] >= self.most:
            if (
                peer not in self._told
            ):  # once until it has room again: a flood must not fill the log
                self._told.add(peer)
                log.warning("sockets of a peer refused", extra={"peer": peer, "open": self.most})
            return False
        self._open[peer] += 1
        return True

    def release(self, address: str) -> None:
        """Forget one socket that was admitted."""
        peer = ip_addresses.client_network(address)
        self._open[peer] -= 1
        self._told.discard(peer)
        if not self._open[peer]:
            del self._open[peer]
