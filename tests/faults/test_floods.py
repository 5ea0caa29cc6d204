"""One connection sends without end, or many read nothing: memory stays bounded, and others are served."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.faults.declaration import Fault, Rounds, megabytes, seconds
from tests.support.faults.trial import Trial
from tests.support.registries.databases import elsewhere
from tests.support.requests.floods import (
    FLOODS,
    HANDSHAKE,
    INTROSPECTIONS,
    TEXT,
    frame,
    health_checks,
    in_turn,
)
from tests.support.running.waiting import wait_until
from tests.support.services.memory import connections, memory
from tests.support.services.server_process import TIMEOUT_SECONDS, UNHURRIED, served, url_of

FLOODING = 60
READERS = 120
LARGE = '{"query":"{ contexts(first: 100) { nodes { data } } }"}'  # the answer has ten megabytes

FLOOD = Fault(
    name="floods",
    done="one connection sends, without end, pipelined requests, one-byte chunks, trailers, WebSocket"
    " messages, pings, pongs or fragments; where there are answers, it reads them or not",
    holds="others are served",
    rounds=Rounds(default=0, thorough=1, by_hand=20, called="seconds of each"),
    figures={"memory": megabytes(20), "health check": seconds(0.5)},
)
MANY_FLOODS = Fault(
    name="many-floods",
    done=f"{FLOODING} connections pipeline introspections of the whole schema, without end",
    holds="others, who connect meanwhile, are served",
    rounds=Rounds(default=0, thorough=2, by_hand=20, called="seconds"),
    figures={"memory": megabytes(40), "health check": seconds(1)},
)
SLOW_READERS = Fault(
    name="slow-readers",
    done=f"{READERS} connections at a time ask for 10 MB each, in JSON, as an event stream and on WebSockets,"
    " and read nothing",
    holds="others are served, and the connections are cut off",
    rounds=Rounds(default=0, thorough=1, by_hand=5),
    figures={"memory": megabytes(300), "health check": seconds(5)},
)


@FLOOD
def test_a_connection_that_sends_without_end_delays_no_other(trial: Trial, tmp_path: Path):
    with watched(trial, tmp_path) as server:
        for name, flood in FLOODS.items():
            trial.progress(f"{trial.fault.name}: {name}")
            with flood.sent_to(server.address):
                server.watch()


@MANY_FLOODS
def test_many_connections_that_send_without_end_delay_no_other(trial: Trial, tmp_path: Path):
    with watched(trial, tmp_path) as server, ExitStack() as stack:
        for _ in range(FLOODING):
            stack.enter_context(INTROSPECTIONS.sent_to(server.address))
        server.watch()


@dataclass(frozen=True, slots=True)
class Watched:
    """A server whose memory is known from before the fault."""

    trial: Trial
    address: tuple[str, int]
    health: str
    pid: int
    before: float

    def watch(self) -> None:
        for took in health_checks(self.health, self.trial.rounds):
            self.trial.measured("health check", took)
            self.trial.measured("memory", memory(self.pid) - self.before)


@contextmanager
def watched(trial: Trial, tmp_path: Path) -> Iterator[Watched]:
    with served(tmp_path / "registry.db", "--log-level", "error") as (process, said):
        parts, health = urlsplit(url_of(said, "/graphql")), url_of(said, "/healthz")
        assert parts.hostname
        assert parts.port
        list(health_checks(health, 0.5))
        before = memory(process.pid)
        yield Watched(trial, (parts.hostname, parts.port), health, process.pid, before)


@SLOW_READERS
def test_clients_that_read_nothing_take_bounded_memory(trial: Trial, tmp_path: Path):
    flags = ("--demo", "--log-level", "error", *UNHURRIED, "--answer-seconds", "3")
    with served(tmp_path / "registry.db", *flags) as (process, said):
        with elsewhere(tmp_path / "registry.db") as connection:
            words = '["' + '","'.join(["x" * 1_000] * 100) + '"]'
            connection.execute("UPDATE contexts SET data = ?", (words,))
        parts, health = urlsplit(url_of(said, "/graphql")), url_of(said, "/healthz")
        list(health_checks(health, 0))
        before, opened = memory(process.pid), connections(process.pid)
        for _ in trial.each_round():
            with ExitStack() as stack:
                for number, peer in zip(range(READERS), in_turn(10), strict=False):
                    stack.enter_context(asking((parts.hostname, parts.port), peer, number))
                for took in health_checks(health, 5):
                    trial.measured("health check", took)
                    trial.measured("memory", memory(process.pid) - before)
                wait_until_cut_off(process.pid, opened)


def asking(address: tuple[str | None, int | None], peer: str, number: int) -> socket.socket:
    """A client that has asked for much, and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(TIMEOUT_SECONDS)
    client.bind((peer, 0))
    client.connect(address)
    if number % 3 == 2:
        client.sendall(HANDSHAKE)
        assert client.recv(4096).startswith(b"HTTP/1.1 101 ")
        client.sendall(frame(TEXT, b'{"type":"connection_init"}'))
        subscribe = b'{"type":"subscribe","id":"1","payload":%b}' % LARGE.encode()
        client.sendall(frame(TEXT, subscribe))
    else:
        accept = b"text/event-stream" if number % 3 else b"application/json"
        client.sendall(
            b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Accept: %b\r\nContent-Length: %d\r\n\r\n" % (accept, len(LARGE)) + LARGE.encode()
        )
    return client


def wait_until_cut_off(pid: int, opened: int) -> None:
    """Wait until the process has no more sockets than so many."""
    wait_until(lambda: connections(pid) <= opened, lambda: "clients are not cut off")
