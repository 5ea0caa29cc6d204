"""Several worker processes: each takes connections from a socket of its own, where the system can.

Workers that share one socket race for each new connection, and one of them wins nearly all: two served
W2 of the benchmark hardly faster than one. Sockets with SO_REUSEPORT are dealt connections by Linux.
"""

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from uvicorn import Config
from uvicorn.supervisors import Multiprocess

BACKLOG = 2048


@contextmanager
def listeners(first: socket.socket, count: int) -> Iterator[list[socket.socket]]:
    """A socket for each of `count` workers, of which this listening one is the first.

    The parent keeps them open, so that a connection dealt to a worker that has died waits for the
    next. On other systems than Linux, which deal out nothing, all are the same one.
    """
    with ExitStack() as opened:
        found = [first]
        if sys.platform == "linux":
            # Set only now: had it been set before the first one listened, another server of the same
            # user would have been let in on the port silently.
            first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            found += [opened.enter_context(_another(first)) for _ in range(1, count)]
        yield (found * count)[:count]


def _another(first: socket.socket) -> socket.socket:
    return socket.create_server(
        first.getsockname()[:2], family=first.family, backlog=BACKLOG, reuse_port=True
    )


class Workers(Multiprocess):
    """Supervises workers: each place is filled, and filled again, by a supervisor of its own.

    So whoever comes to a place gets its socket and its settings, whether the worker before died, hung
    or was told to make room. `failed` tells of a worker that could not begin, which stops them all.
    """

    failed = False

    def __init__(self, configs: Sequence[Config], sockets: Sequence[socket.socket]) -> None:
        pairs = zip(configs, sockets, strict=True)
        self._places = [Multiprocess(config, [one]) for config, one in pairs]
        super().__init__(configs[0], list(sockets))  # last: it takes the signals from the others

    def init_processes(self) -> None:
        """Start every worker."""
        for place in self._places:
            place.init_processes()

    def keep_subprocess_alive(self) -> None:
        """Fill the places that are empty; stop when one cannot be filled."""
        if self.should_exit.is_set():  # nobody is to come to a place that is given up
            return
        for place in self._places:
            place.keep_subprocess_alive()
            if place.should_exit.is_set():
                self.failed = True
                self.should_exit.set()

    def restart_all(self) -> None:
        """Replace the workers one after the other, as SIGHUP asks for."""
        for place in self._places:
            place.restart_all()

    def terminate_all(self) -> None:
        """Ask every worker to finish."""
        for place in self._places:
            place.terminate_all()

    def join_all(self) -> None:
        """Wait until every worker has finished."""
        for place in self._places:
            place.join_all()

    def handle_ttin(self) -> None:
        """There are as many workers as sockets: no more can be asked for by SIGTTIN."""

    def handle_ttou(self) -> None:
        """Nor fewer by SIGTTOU."""
