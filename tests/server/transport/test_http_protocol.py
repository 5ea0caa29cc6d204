"""HTTP as clients send it to a real server, byte by byte."""

import json
import socket
import struct
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

QUERY = b'{"query":"{__typename}"}'
READING = b'{"query":"{ contexts { totalCount nodes { name owner { displayName } } } }"}'
ANSWER = b'{"data":{"__typename":"Query"}}'
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAA\r\n"


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[tuple[str, int]]:
    database = tmp_path_factory.mktemp("protocol") / "registry.db"
    with served(database, "--log-level", "error") as (_, output):  # nobody reads its pipe
        url = urlsplit(url_of(output, "/graphql"))
        assert url.hostname
        assert url.port
        yield url.hostname, url.port


def post(extra: bytes = b"", body: bytes = QUERY) -> bytes:
    head = (
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + extra
    )
    if b"Transfer-Encoding" not in extra:
        head += b"Content-Length: %d\r\n" % len(body)
    return head + b"\r\n" + body


def exchange(address: tuple[str, int], *sent: bytes) -> bytes:
    """All that the server answers to these bytes on one connection."""
    with socket.create_connection(address, timeout=TIMEOUT_SECONDS) as client:
        for each in sent:
            client.sendall(each)
        received = b""
        while more := client.recv(65536):
            received += more
    return received


def test_a_too_long_url_gets_414(address):
    start = b"/graphql?query=%7B__typename%7D&x="
    sent = [
        b"GET "
        + start.ljust(n, b"x")
        + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        for n in (65_535, 65_536)
    ]

    longest, longer = (exchange(address, each) for each in sent)

    assert longest.startswith(b"HTTP/1.1 200 ")
    assert longer.startswith(b"HTTP/1.1 414 ")
    assert json.loads(longer.partition(b"\r\n\r\n")[2])["errors"][0]["extensions"] == {
        "code": "TOO_LARGE"
    }


def test_an_h2c_upgrade_is_ignored_and_the_request_answered(address):
    last = post(b"Connection: close\r\n")

    received = exchange(address, post(OFFER), post(OFFER), last)

    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert received.count(ANSWER) == 3


def test_an_upgrade_is_ignored_when_the_body_comes_later_or_in_chunks(address):
    head, body = post(OFFER)[: -len(QUERY)], QUERY
    chunked = post(OFFER + b"Transfer-Encoding: chunked\r\n", b"18\r\n" + QUERY + b"\r\n0\r\n\r\n")

    received = exchange(address, head, body[:9], body[9:], chunked, post(b"Connection: close\r\n"))

    assert received.count(ANSWER) == 3


def test_many_upgrades_in_one_read_are_answered_in_order(address):
    received = exchange(address, post(OFFER) * 200 + post(b"Connection: close\r\n"))

    assert received.count(ANSWER) == 201


def test_connect_is_refused(address):
    received = exchange(address, b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n")

    assert received.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "line", [b"X-Long: " + b"a" * 2**20, b"X: y\r\n" * 100_000], ids=["long", "many"]
)
def test_an_endless_head_is_rejected(address, line):
    with socket.create_connection(address, timeout=TIMEOUT_SECONDS) as client:
        client.sendall(b"POST /graphql HTTP/1.1\r\nHost: localhost\r\n")

        with pytest.raises(ConnectionError):  # the server reads no more of it
            client.sendall(line * 64)

    assert ANSWER in exchange(address, post(b"Connection: close\r\n"))


def test_a_large_head_is_accepted_and_a_larger_one_gets_431(address):
    taken = exchange(address, post(b"Connection: close\r\nX-Long: %s\r\n" % (b"a" * 30_000)))
    with socket.create_connection(address, timeout=TIMEOUT_SECONDS) as client:
        client.sendall(b"POST /graphql HTTP/1.1\r\nX-Long: ")
        told = b""
        try:
            while not told:
                client.sendall(b"a" * 20_000)
                client.settimeout(0.05)
                try:
                    told = client.recv(4096)
                except TimeoutError:
                    continue
        except ConnectionError:
            pytest.fail("the connection was closed without an answer")

    assert taken.endswith(ANSWER)
    head, _, body = told.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert json.loads(body)["errors"][0]["extensions"]["code"] == "TOO_LARGE"


def test_a_client_that_disconnects_before_its_responses_causes_no_fault(tmp_path):
    flags = ("--demo", "--log-level", "error")
    with served(tmp_path / "registry.db", *flags) as (process, output):
        url = urlsplit(url_of(output, "/graphql"))
        for _ in range(20):
            with socket.create_connection(
                (url.hostname, url.port), timeout=TIMEOUT_SECONDS
            ) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(post(body=READING) * 100)
                client.recv(100)
        process.terminate()
        _, logged = process.communicate(timeout=TIMEOUT_SECONDS)

    assert logged == ""


@pytest.mark.parametrize(
    "hosts", [b"", b"Host: localhost\r\nHost: localhost\r\n"], ids=["none", "two"]
)
def test_a_request_needs_exactly_one_host_header(address, hosts):
    received = exchange(address, b"GET /healthz HTTP/1.1\r\n" + hosts + b"\r\n")

    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["errors"][0]["message"] == "send one Host header"


def test_http_1_0_needs_no_host_header(address):
    assert exchange(address, b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_the_start_of_a_request_after_a_large_one_is_not_counted_as_a_large_head(address):
    large = post(body=QUERY[:-1] + b" " * 90_000 + QUERY[-1:])
    last = post(b"Connection: close\r\n")

    received = exchange(address, large + last[:20], last[20:])

    assert received.count(ANSWER) == 2


@pytest.mark.parametrize(
    "trailer",
    [b"Content-Type: text/plain", b"Accept: text/css", b"Host: stranger.example", b"X-Any: thing"],
)
def test_trailers_are_not_headers(address, trailer):
    head = b"Transfer-Encoding: chunked\r\nConnection: close\r\n"
    body = b"%x\r\n%b\r\n0\r\n%b\r\n\r\n" % (len(QUERY), QUERY, trailer)

    at_once = exchange(address, post(head, body))
    later = exchange(address, post(head, body[:-20]), body[-20:])

    assert at_once.count(ANSWER) == later.count(ANSWER) == 1
