"""Several worker processes, each with a listening socket of its own where the system supports that."""

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from uvicorn import Config
from uvicorn.supervisors import Multiprocess

# Workers that share a socket compete for each new connection, and one of them wins nearly all: two of them
# served benchmark W2 hardly faster than one. Linux distributes connections among SO_REUSEPORT sockets.

BACKLOG = 2048


@contextmanager
def listeners(first: socket.socket, count: int) -> Iterator[list[socket.socket]]:
    """A listening socket for each of `count` workers, `first` among them; all are `first` unless on Linux."""
    # The parent keeps all open, so that a connection to a worker that died waits for its successor.
    with ExitStack() as stack:
        sockets = [first]
        if sys.platform == "linux":
            # Only now: had `first` been bound with it, another server of the same user could bind the
            # port too, unnoticed.
            first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sockets += [stack.enter_context(_sibling(first)) for _ in range(1, count)]
        yield (sockets * count)[:count]


def _sibling(first: socket.socket) -> socket.socket:
    return socket.create_server(
        first.getsockname()[:2], family=first.family, backlog=BACKLOG, reuse_port=True
    )


class WorkerSupervisor(Multiprocess):
    """Runs a uvicorn supervisor for each worker, which restarts it with the same socket and settings."""

    failed = False  # True once a worker could not start, which stops them all

    def __init__(self, configs: Sequence[Config], sockets: Sequence[socket.socket]) -> None:
        pairs = zip(configs, sockets, strict=True)
        self._supervisors = [Multiprocess(config, [one]) for config, one in pairs]
        super().__init__(configs[0], list(sockets))  # last: it takes over the signal handlers

    def init_processes(self) -> None:
        for supervisor in self._supervisors:
            supervisor.init_processes()

    def keep_subprocess_alive(self) -> None:
        """Restart dead workers; stop everything if one cannot start."""
        if self.should_exit.is_set():  # stopping: start nothing new
            return
        for supervisor in self._supervisors:
            supervisor.keep_subprocess_alive()
            if supervisor.should_exit.is_set():
                self.failed = True
                self.should_exit.set()

    def restart_all(self) -> None:
        """Replace the workers one after the other, on SIGHUP."""
        for supervisor in self._supervisors:
            supervisor.restart_all()

    def terminate_all(self) -> None:
        for supervisor in self._supervisors:
            supervisor.terminate_all()

    def join_all(self) -> None:
        for supervisor in self._supervisors:
            supervisor.join_all()

    def handle_ttin(self) -> None:
        """Ignore SIGTTIN: the number of workers is the number of sockets."""

    def handle_ttou(self) -> None:
        """Ignore SIGTTOU, for the same reason."""
