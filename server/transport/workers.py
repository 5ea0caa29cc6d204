"""Several worker processes, each with a listening socket of its own where the system supports that."""

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait

from uvicorn.config import STARTUP_FAILURE

from server.transport import hang_up, listening
from server.transport.hang_up import HangUp

# Workers that share a socket compete for each new connection, and one of them wins nearly all: two of them
# served benchmark W2 hardly faster than one. Linux distributes connections among SO_REUSEPORT sockets.

CHECK_SECONDS = 1.0
START_SECONDS = 60.0  # for a worker to answer its parent for the first time
HANG_SECONDS = 5.0  # and each time after that
STOP_SECONDS = 10.0  # for a worker to end, besides what it gives to running requests

Serve = Callable[[socket.socket], None]
"""What a worker does; it ends on SIGTERM."""

log = logging.getLogger(__name__)

_spawning = multiprocessing.get_context("spawn")
multiprocessing.allow_connection_pickling()


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
    host, port = first.getsockname()[:2]
    return listening.listener(host, port, reuse_port=True)


class WorkerSupervisor:
    """Keeps a worker running for each socket: replaces those that die or hang, and passes SIGHUP on."""

    def __init__(
        self, jobs: Sequence[tuple[Serve, socket.socket]], hang_up: HangUp, stop_seconds: float
    ) -> None:
        self._jobs = jobs
        self._stop_seconds = stop_seconds + STOP_SECONDS
        self._hang_up = hang_up
        self._workers: list[_Worker] = []
        self._is_stopping = False
        self._has_failed = False

    def run(self) -> bool:
        """Serve until SIGINT or SIGTERM; False if a worker could not start, which stops them all."""
        with self._signals() as woken:
            try:
                self._workers = [self._started(job) for job in self._jobs]
                while not self._is_stopping and not self._has_failed:
                    self._turn(woken)
                    events = [event for worker in self._workers for event in worker.events]
                    wait([woken, *events], CHECK_SECONDS)
            finally:
                for worker in self._workers:
                    worker.terminate()
                deadline = time.monotonic() + self._stop_seconds
                for worker in self._workers:
                    worker.join(deadline)
        return not self._has_failed

    def _started(self, job: tuple[Serve, socket.socket]) -> "_Worker":
        return _Worker(*job, self._stop_seconds)

    def _turn(self, woken: socket.socket) -> None:
        with suppress(BlockingIOError):
            woken.recv(4096)
        if self._hang_up.take():
            for worker in self._workers:
                worker.signal(hang_up.SIGNAL)
        for index, worker in enumerate(self._workers):
            if self._is_stopping or worker.is_healthy():
                continue
            code = worker.end()
            if code == STARTUP_FAILURE:
                self._has_failed = True
                return
            log.warning("worker replaced", extra={"worker": worker.pid, "exit_code": code})
            self._workers[index] = self._started(self._jobs[index])

    @contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        """Handle signals inside; what is yielded becomes readable when one has come."""
        woken, waker = socket.socketpair()
        with woken, waker, self._hang_up.handled():
            woken.setblocking(False)
            waker.setblocking(False)
            descriptor = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
            handlers = {
                number: signal.signal(number, self._stop)
                for number in (signal.SIGINT, signal.SIGTERM)
            }
            try:
                yield woken
            finally:
                for number, handler in handlers.items():
                    signal.signal(number, handler)
                signal.set_wakeup_fd(descriptor)

    def _stop(self, *_: object) -> None:
        self._is_stopping = True


class _Worker:
    """A process that serves; it answers what its parent sends it, and ends when its parent does."""

    def __init__(self, serve: Serve, listener: socket.socket, stop_seconds: float) -> None:
        self._link, remote = Pipe()
        self._process = _spawning.Process(
            target=_work, args=(serve, listener, remote, stop_seconds)
        )
        with remote, hang_up.postponed():
            self._process.start()
        self._asked_at: float | None = None
        self._next_at = 0.0
        self._patience = START_SECONDS

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def events(self) -> tuple[int, Connection]:
        """What becomes ready when it ends, and when it answers."""
        return self._process.sentinel, self._link

    def is_healthy(self) -> bool:
        """Whether it runs, and has answered in time what it was asked before; asks again after a while."""
        if not self._process.is_alive():
            return False
        now = time.monotonic()
        try:
            while self._link.poll():
                self._link.recv_bytes()
                self._asked_at, self._patience = None, HANG_SECONDS
            if self._asked_at is None and now >= self._next_at:
                self._link.send_bytes(b"?")
                self._asked_at, self._next_at = now, now + CHECK_SECONDS
        except (EOFError, OSError):  # it is ending
            self._process.join(HANG_SECONDS)
            return False
        return self._asked_at is None or now - self._asked_at < self._patience

    def end(self) -> int | None:
        """Kill it, unless it has ended; returns its exit code."""
        self._process.kill()
        self._process.join()
        self._link.close()
        return self._process.exitcode

    def signal(self, number: int) -> None:
        if self._process.is_alive() and self.pid is not None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self._process.terminate()

    def join(self, deadline: float) -> None:
        """Wait until it has ended, and kill it after the deadline."""
        self._process.join(max(0.0, deadline - time.monotonic()))
        if self._process.is_alive():
            log.error("worker killed", extra={"worker": self.pid})
        self.end()


def _work(serve: Serve, listener: socket.socket, parent: Connection, stop_seconds: float) -> None:
    threading.Thread(target=_answer, args=(parent, stop_seconds), daemon=True).start()
    with suppress(KeyboardInterrupt):
        serve(listener)


def _answer(parent: Connection, stop_seconds: float) -> None:
    """Answer the parent, which has the only other end of this pipe; once it is gone, stop this process."""
    with suppress(EOFError, OSError):
        while True:
            parent.send_bytes(parent.recv_bytes())
    log.warning("worker stops without its parent")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(stop_seconds)
    os.kill(os.getpid(), signal.SIGKILL)
