"""Slow, silent and too many clients are disconnected with an error, and delay no other."""

import hashlib
import hmac
import json
import os
import select
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.registries.databases import elsewhere
from tests.support.requests.raw_http import Answer, NoAnswer, all_from, answers
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

pytestmark = pytest.mark.waits

Address = tuple[str, int]
Process = subprocess.Popen[str]
HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
QUERY = b'{"query":"{__typename}"}'
ASK = HEAD + b"Content-Length: %d\r\n\r\n" % len(QUERY) + QUERY
SECRET = "a secret of this test"
QUICK = ("--head-seconds", "0.3", "--body-seconds", "0.3", "--answer-seconds", "0.3")
PATIENT = ("--head-seconds", "1.5", "--body-seconds", "1.5", "--answer-seconds", "1.5")


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[Address]:
    with served(folder / "registry.db", "--log-level", "error", *flags) as (_, output):
        yield address_of(output)


def address_of(output: str) -> Address:
    url = urlsplit(url_of(output, "/graphql"))
    return str(url.hostname), int(url.port or 0)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A server that waits for a part of a second where others wait for ten."""
    with serving(tmp_path_factory.mktemp("quick"), *QUICK, "--idle-seconds", "2") as address:
        yield address


@pytest.fixture(scope="module")
def quick_with_bodies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """The same, but it gives headers their usual time: what tests send may come late on a busy machine."""
    flags = (*QUICK, "--head-seconds", "10", "--idle-seconds", "2")
    with serving(tmp_path_factory.mktemp("bodies"), *flags) as address:
        yield address


@pytest.fixture(scope="module")
def closing_soon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A server that soon closes connections that are idle, and gives bodies their usual time."""
    flags = ("--idle-seconds", "2", "--head-seconds", "2")
    with serving(tmp_path_factory.mktemp("closing"), *flags) as address:
        yield address


def connected(address: Address, peer: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(address, timeout=TIMEOUT_SECONDS, source_address=(peer, 0))


def responses_on(client: socket.socket) -> list[Answer]:
    """The answers until the server closes the connection."""
    return answers(all_from(client))


def drip(client: socket.socket, each: bytes, times: int) -> None:
    """Send the same bytes again and again until the server has had enough."""
    with suppress(ConnectionError):
        for _ in range(times):
            client.sendall(each)
            time.sleep(0.1)


@pytest.mark.parametrize(
    ("sent", "each"),
    [
        (HEAD, b""),
        (HEAD, b"X: y\r\n"),
        (b"G", b""),
        (b"", b"\r\n"),
    ],
    ids=["half a head", "a head without an end", "one letter", "empty lines"],
)
def test_unfinished_headers_time_out_with_a_json_error(quick, sent, each):
    with connected(quick) as client:
        client.sendall(sent)
        drip(client, each, 30 if each else 0)

        (answer,) = responses_on(client)

    assert answer.status == 408
    assert answer.error["extensions"]["code"] == "TIMEOUT"
    assert answer.error["message"] == "the headers took more than 0.3 seconds"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("sent", "each"),
    [
        (b"Content-Length: 100\r\n\r\n{", b""),
        (b"Content-Length: 100\r\n\r\n{", b" "),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"Transfer-Encoding: chunked\r\n\r\n18\r\n" + QUERY + b"\r\n0\r\n", b"X: y\r\n"),
    ],
    ids=["half a body", "a slow body", "slow chunks", "slow trailers"],
)
def test_unfinished_bodies_time_out_with_a_json_error(quick_with_bodies, sent, each):
    with connected(quick_with_bodies) as client:
        client.sendall(HEAD + sent)
        drip(client, each, 30 if each else 0)

        (answer,) = responses_on(client)

    assert answer.status == 408
    assert answer.error["message"] == "the body took more than 0.3 seconds"


def test_earlier_requests_are_answered_before_a_timeout(quick_with_bodies):
    with connected(quick_with_bodies) as client:
        client.sendall(ASK + ASK + HEAD + b"Content-Length: 9\r\n\r\n{")

        assert [answer.status for answer in responses_on(client)] == [200, 200, 408]


def test_garbage_after_a_request_is_answered_after_it(quick_with_bodies):
    with connected(quick_with_bodies) as client:
        client.sendall(ASK + ASK + b"\0\0\0\r\n\r\n")

        assert [answer.status for answer in responses_on(client)] == [200, 200, 400]


def test_a_body_that_continues_after_its_refusal_times_out_too(quick_with_bodies):
    with connected(quick_with_bodies) as client:
        client.sendall(HEAD + b"Content-Length: 1000000000\r\n\r\n")
        drip(client, b" " * 300_000, 30)

        assert [answer.status for answer in responses_on(client)] == [413]


LARGE = HEAD + b"Content-Length: 200000\r\n\r\n" + b" " * 200_000


# What is sent, and the statuses of the answers, after which the server closes the connection.
IDLE = {
    "new": (b"", []),
    "used": (ASK, [200]),
    "an empty line": (ASK + b"\r\n", [200]),
    "a body that was refused early": (LARGE, [413]),
    "such a body of a second request": (ASK + LARGE, [200, 413]),
    "a request after such a body": (LARGE + ASK, [413, 200]),
}


@pytest.fixture(scope="module")
def left_idle(closing_soon: Address) -> dict[str, list[int]]:
    """The statuses that idle connections got, which all wait for the same two seconds."""
    with ExitStack() as opened:
        clients = {}
        for name, (sent, _) in IDLE.items():
            clients[name] = opened.enter_context(connected(closing_soon))
            clients[name].sendall(sent)
        return {
            name: [answer.status for answer in responses_on(client)]
            for name, client in clients.items()
        }


@pytest.mark.parametrize("name", IDLE)
def test_an_idle_connection_is_closed(left_idle, name):
    _, statuses = IDLE[name]

    assert left_idle[name] == statuses


def test_a_large_delivery_may_take_longer_while_it_makes_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("CHITTYGRAPH_GITHUB_WEBHOOK_SECRET", SECRET)
    body = json.dumps({"zen": "x" * 6_000_000}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        "POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Content-Type: application/json\r\nX-GitHub-Event: ping\r\nX-GitHub-Delivery: large\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with serving(tmp_path, "--body-seconds", "2") as address, connected(address) as client:
        client.sendall(head.encode())
        for start in range(0, len(body), 800_000):
            client.sendall(body[start : start + 800_000])
            time.sleep(0.3)

        (answer,) = responses_on(client)

    assert answer.status == 200
    assert answer.json() == {"outcome": "pong"}


@pytest.fixture
def large(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Address, Process]]:
    """A server with answers of ten megabytes: more than the system keeps for a socket."""
    flags = ("--demo", *getattr(request, "param", QUICK), "--idle-seconds", "1")
    with served(tmp_path / "registry.db", *flags) as (process, output):
        with elsewhere(tmp_path / "registry.db") as connection:
            words = json.dumps(["x" * 1_000] * 100)
            connection.execute("UPDATE contexts SET data = ?", (words,))
        address = address_of(output)
        seconds_to_answer(address)  # it is up then
        yield address, process


def wait_until_logged(process: Process, words: bytes) -> None:
    """Read a server's logs until this appears."""
    assert process.stderr
    logged = b""
    while words not in logged:
        ready, _, _ = select.select([process.stderr], [], [], TIMEOUT_SECONDS)
        more = os.read(process.stderr.fileno(), 2**16) if ready else b""
        assert more, logged
        logged += more


def request_large_response(address: Address, line: bytes) -> socket.socket:
    """A client that asked and reads nothing yet."""
    body = b'{"query":"{ contexts(first: 100) { nodes { data } } }"}'
    client = socket.socket()
    client.settimeout(TIMEOUT_SECONDS)
    client.connect(address)
    client.sendall(HEAD + line + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return client


@pytest.mark.parametrize("line", [b"", b"Connection: close\r\n"], ids=["kept", "closed"])
def test_a_client_that_does_not_read_its_response_is_disconnected(large, line):
    address, process = large
    with request_large_response(address, line) as client:
        wait_until_logged(process, b"response not read by client")

        received = all_from(client)

    with pytest.raises(NoAnswer, match=r"of 1\d{7} bytes"):
        answers(received)


@pytest.mark.parametrize("large", [PATIENT], ids=["patient"], indirect=True)
def test_a_slow_reader_gets_its_response(large):
    address, _ = large
    with ExitStack() as opened:
        clients = [
            opened.enter_context(request_large_response(address, line))
            for line in (b"Connection: close\r\n", b"")
        ]
        received = [b"" for _ in clients]
        while any(more := [client.recv(1_000_000, socket.MSG_WAITALL) for client in clients]):
            received = [got + each for got, each in zip(received, more, strict=True)]
            time.sleep(0.4)

    for got in received:
        (answer,) = answers(got)
        assert len(answer.json()["data"]["contexts"]["nodes"]) == 100


def test_connections_are_limited_per_client(tmp_path):
    with serving(tmp_path, "--peer-sockets", "3") as address, ExitStack() as opened:
        held = [opened.enter_context(connected(address, "127.0.0.2")) for _ in range(3)]
        for client in held:
            client.sendall(ASK)
            client.recv(1)
        refused = opened.enter_context(connected(address, "127.0.0.2"))
        other = opened.enter_context(connected(address, "127.0.0.3"))
        other.sendall(ASK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))

        (answer,) = responses_on(refused)
        (others,) = responses_on(other)
        held.pop().close()
        statuses = [status_for_another_client(address) for _ in range(3)]

    assert answer.status == 429
    assert answer.error["extensions"]["code"] == "TOO_MANY_REQUESTS"
    assert answer.error["message"].startswith("your address has 3 open connections")
    assert others.status == 200
    assert 200 in statuses


def status_for_another_client(address: Address) -> int:
    with connected(address, "127.0.0.2") as client:
        with suppress(ConnectionError):  # if it was refused before it asked
            client.sendall(ASK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        (answer,) = responses_on(client)
    return answer.status


def test_two_hundred_slow_clients_delay_no_other(tmp_path):
    with serving(tmp_path) as address, ExitStack() as opened:
        alone = [seconds_to_answer(address) for _ in range(20)]
        slow = [
            opened.enter_context(connected(address, f"127.0.0.{2 + number}"))
            for number in range(200)
        ]
        for number, client in enumerate(slow):
            client.sendall(
                HEAD if number % 2 else HEAD + b"Content-Length: 90000\r\n\r\n" + b" " * 9_000
            )
        took = []
        for round_ in range(20):
            for client in slow:
                client.sendall(b"X" if round_ % 2 else b"y")
            took.append(seconds_to_answer(address))

    # Where others use the machine an answer may take longer, with and without slow clients.
    assert statistics.median(took) < max(0.1, 10 * statistics.median(alone))


def seconds_to_answer(address: Address) -> float:
    started = time.monotonic()
    with connected(address) as client:
        client.sendall(ASK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        (answer,) = responses_on(client)
    assert answer.status == 200
    return time.monotonic() - started
