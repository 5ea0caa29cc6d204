"""As many connections as the process may have files open, and what becomes of the others."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from server.transport.connection_limits import ConnectionLimits
from tests.support.requests.raw_http import Answer, all_from, answers
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, served, url_of

DESCRIPTORS, READERS = 128, 2
MOST = DESCRIPTORS - 64 - 4 * READERS
REGISTER = b'{"query":"mutation { registerActor(input: {actorType: AI}) { errors { message } } }"}'
REGISTERED = b'{"data":{"registerActor":{"errors":[]}}}'


@pytest.fixture
def address(tmp_path: Path) -> Iterator[tuple[str, int]]:
    with ExitStack() as stopping:
        with few_descriptors():
            server = served(tmp_path / "registry.db", *QUIET, "--idle-seconds", "600")
            _, said = stopping.enter_context(server)
        url = urlsplit(url_of(said, "/graphql"))
        assert url.hostname
        assert url.port
        yield url.hostname, url.port


@contextmanager
def few_descriptors() -> Iterator[None]:
    """Few files that a process may open, for those that are started meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def mutate(client: socket.socket) -> bytes:
    """The answer to a mutation on an open connection, which stays open."""
    client.sendall(
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(REGISTER), REGISTER)
    )
    received = b""
    while REGISTERED not in received:
        more = client.recv(2**16)
        assert more, received
        received += more
    return received


def connected(address: tuple[str, int], count: int) -> list[socket.socket]:
    return [socket.create_connection(address, timeout=TIMEOUT_SECONDS) for _ in range(count)]


def refused(client: socket.socket) -> Answer:
    (answer,) = answers(all_from(client))
    return answer


def test_a_server_keeps_descriptors_for_its_files_however_many_clients_connect(address):
    with ExitStack() as closing:
        clients = connected(address, MOST + 100)
        for client in clients:
            closing.callback(client.close)

        refusals = [refused(client) for client in clients[MOST:]]

        assert all(mutate(client) for client in clients[:MOST])
    assert {(each.status, each.headers["retry-after"]) for each in refusals} == {(503, "1")}
    assert {each.error["extensions"]["code"] for each in refusals} == {"UNAVAILABLE"}
    assert f"{MOST} open connections" in refusals[0].error["message"]
    (again,) = connected(address, 1)
    with again:
        mutate(again)


def test_a_connection_that_ends_makes_room_for_another():
    limits = ConnectionLimits(0, 2)

    first = [limits.acquire("192.0.2.1"), limits.acquire("192.0.2.2")]
    third = limits.acquire("192.0.2.3")
    limits.release("192.0.2.1")

    assert first == [None, None]
    assert third is not None
    assert third[0] == 503
    assert limits.acquire("192.0.2.3") is None


def test_a_full_server_is_logged_once_until_there_is_room_again(caplog):
    limits = ConnectionLimits(0, 1)
    limits.acquire("192.0.2.1")

    for _ in range(3):
        limits.acquire("192.0.2.2")
    limits.release("192.0.2.1")
    limits.acquire("192.0.2.2")
    limits.acquire("192.0.2.1")

    assert caplog.messages == ["connection limit reached"] * 2
