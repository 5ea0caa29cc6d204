"""Limits the connections of each client, and of all, so that none can use up those of a whole worker."""

import logging
import sys
from collections import Counter

from server import ip_addresses

# Descriptors for everything else: the database's files, a backup, logs, and clients that are being refused.
RESERVED_DESCRIPTORS = 64
DESCRIPTORS_PER_READER = 4
FEWEST_CONNECTIONS = 16

log = logging.getLogger(__name__)


def most_connections(readers: int) -> int:
    """How many connections the limit on this process's open files leaves room for."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return sys.maxsize
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return sys.maxsize
    reserved = RESERVED_DESCRIPTORS + DESCRIPTORS_PER_READER * readers
    return max(most - reserved, FEWEST_CONNECTIONS)


class ConnectionLimits:
    """Counts open connections to this process: each client may have `most`, all together `total`.

    0 is unlimited.
    """

    def __init__(self, most: int, total: int = 0) -> None:
        self.most = most
        self.total = total
        self._open: Counter[str] = Counter()
        self._count = 0
        self._logged: set[str] = set()

    def acquire(self, address: str) -> tuple[int, str] | None:
        """Count a new connection, which must be released; or return the status and reason of its refusal.

        The address is empty for a client that is gone already.
        """
        client = ip_addresses.client_network(address)
        if self.total and self._count >= self.total:
            self._log_once("", open=self.total)
            return 503, (
                f"the server has {self.total} open connections, the most that its open files allow:"
                " try again later"
            )
        if self.most and client and self._open[client] >= self.most:
            self._log_once(client, client=client, open=self.most)
            return 429, (
                f"your address has {self.most} open connections, the most allowed:"
                " close some, or reuse them"
            )
        self._open[client] += 1
        self._count += 1
        return None

    def release(self, address: str) -> None:
        client = ip_addresses.client_network(address)
        self._open[client] -= 1
        self._count -= 1
        self._logged -= {client, ""}
        if not self._open[client]:
            del self._open[client]

    def _log_once(self, limit: str, **extra: object) -> None:
        """Log that a limit is reached, once until one is released: a flood must not fill the log."""
        if limit not in self._logged:
            self._logged.add(limit)
            log.warning("connection limit reached", extra=extra)
