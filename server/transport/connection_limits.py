"""Limits the connections of each client, so that none can use up those of a whole worker."""

import logging
from collections import Counter

from server import ip_addresses

log = logging.getLogger(__name__)


class ConnectionLimits:
    """Counts each client's open connections to this process and allows at most `most`; 0 is unlimited."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._open: Counter[str] = Counter()
        self._logged: set[str] = set()

    def acquire(self, address: str) -> bool:
        """Count a new connection, which must be released; False if the client has too many."""
        client = ip_addresses.client_network(address)
        if self.most and self._open[client] >= self.most:
            # Logged once until one is released, so that a flood does not fill the log.
            if client not in self._logged:
                self._logged.add(client)
                log.warning("connection limit reached", extra={"client": client, "open": self.most})
            return False
        self._open[client] += 1
        return True

    def release(self, address: str) -> None:
        client = ip_addresses.client_network(address)
        self._open[client] -= 1
        self._logged.discard(client)
        if not self._open[client]:
            del self._open[client]
