"""Clients that keep back the end of a body or message take bounded memory, and shut nobody else out."""

import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
import uvicorn
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from server.http.body_budget import BodyBudget
from server.service import MAX_DELIVERIES_BYTES, MAX_DELIVERY_BYTES
from server.transport.connection_limits import ConnectionLimits
from server.transport.send_deadline import UnsentBudget
from server.transport.timeouts import ClientLimits
from server.transport.websocket_protocol import WebSocketProtocol
from tests.support.other_programs.github_payloads import SECRET, headers_of
from tests.support.requests.raw_http import answers
from tests.support.requests.websocket_frames import CONTINUATION, HANDSHAKE, PING, TEXT, frame
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

LARGE_BODY = 20 * 2**20  # the server's limit for GraphQL here; its budget is 32 MiB
QUERY = b'{"query":"{__typename}"}'


@dataclass(frozen=True)
class Server:
    """A running server."""

    pid: int
    url: str

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 0)

    def rss(self, field: str = "VmRSS") -> int:
        """Bytes of memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        (kib,) = re.findall(rf"{field}:\s+(\d+) kB", status)
        return int(kib) * 1024

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=TIMEOUT_SECONDS)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    patient = ("--body-seconds", "300", "--answer-seconds", "300")
    flags = ("--log-level", "error", *patient, "--max-body-bytes", str(LARGE_BODY))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHITTYGRAPH_GITHUB_WEBHOOK_SECRET", SECRET)
        with served(folder / "registry.db", *flags) as (process, said):
            yield Server(process.pid, url_of(said, ""))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("withheld")) as server:
        yield server


def delivery(size: int, **changed: str) -> bytes:
    """The head of a delivery whose signature could be right."""
    headers = headers_of(b"another body") | {n.replace("_", "-"): v for n, v in changed.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n{lines}"
    return f"{head}\r\n".encode()


def post(size: int) -> bytes:
    head = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return head + b"Content-Length: %d\r\n\r\n" % size


def withhold(stack: ExitStack, server: Server, head: bytes, size: int) -> socket.socket:
    """A client that sends so much of a body, and keeps the last byte back."""
    client = stack.enter_context(server.connect())
    client.sendall(head)
    piece = b" " * 2**20
    for start in range(0, size - 1, len(piece)):
        client.sendall(piece[: size - 1 - start])
    return client


UNSIGNED = {
    "no form of a signature": ({"x_hub_signature_256": "sha256=abc"}, 401),
    "another algorithm": ({"x_hub_signature_256": "sha1=" + "0" * 40}, 401),
    "another content type": ({"content_type": "application/x-www-form-urlencoded"}, 415),
    "no event": ({"x_github_event": "No Event"}, 400),
    "no id": ({"x_github_delivery": "a b"}, 400),
}


@pytest.mark.parametrize(("changed", "status"), UNSIGNED.values(), ids=UNSIGNED)
def test_what_cannot_be_a_delivery_is_refused_before_its_body(
    server: Server, changed: dict[str, str], status: int
):
    with server.connect() as client:
        client.sendall(delivery(MAX_DELIVERY_BYTES, **changed))

        assert client.recv(12) == b"HTTP/1.1 %d" % status


def is_answered(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return bool(client.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        client.settimeout(TIMEOUT_SECONDS)


def wait_for_refusals(clients: list[socket.socket], count: int) -> list[socket.socket]:
    """The clients that have an answer, once there are so many."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        answered = [client for client in clients if is_answered(client)]
        if len(answered) >= count or time.monotonic() > deadline:
            assert len(answered) >= count
            return answered
        time.sleep(0.02)


@pytest.mark.parametrize("count", [4, pytest.param(30, marks=pytest.mark.thorough)])
def test_deliveries_that_are_kept_back_share_one_budget(tmp_path: Path, count: int):
    fitting = MAX_DELIVERIES_BYTES // MAX_DELIVERY_BYTES
    with serving(tmp_path) as server, ExitStack() as stack:
        assert httpx2.get(f"{server.url}/healthz", timeout=TIMEOUT_SECONDS).status_code == 200
        before = server.rss()
        clients = [
            withhold(stack, server, delivery(MAX_DELIVERY_BYTES), MAX_DELIVERY_BYTES)
            for _ in range(count)
        ]

        refused = wait_for_refusals(clients, count - fitting)
        small = httpx2.post(
            f"{server.url}/webhooks/github", content=b"{}", headers=headers_of(b"{}", "ping")
        )
        peak = server.rss("VmHWM") - before
        (answer,) = answers(receive_until(refused[0], b"}]}"))

    assert len(refused) == count - fitting
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert (small.status_code, small.json()) == (200, {"outcome": "pong"})
    assert peak < 2 * MAX_DELIVERIES_BYTES


def test_graphql_bodies_that_are_kept_back_share_one_budget(server: Server):
    with ExitStack() as stack:
        clients = [withhold(stack, server, post(LARGE_BODY), LARGE_BODY) for _ in range(2)]

        (refused,) = wait_for_refusals(clients, 1)
        asked = httpx2.post(f"{server.url}/graphql", json={"query": "{__typename}"})
        (answer,) = answers(receive_until(refused, b"}]}"))

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.error["message"].startswith("unfinished requests hold 32 MiB")
    assert asked.status_code == 200


def test_a_body_in_pieces_of_one_byte_is_read(server: Server):
    with server.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(post(len(QUERY)))
        for byte in QUERY:
            client.sendall(bytes([byte]))

        assert client.recv(12) == b"HTTP/1.1 200"


@contextmanager
def websocket(server: Server) -> Iterator[socket.socket]:
    with server.connect() as client:
        client.sendall(HANDSHAKE)
        receive_until(client, b"\r\n\r\n")
        client.sendall(frame(TEXT, b'{"type":"connection_init"}'))
        receive_until(client, b'connection_ack"}')
        yield client


def receive_until(client: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        more = client.recv(2**16)
        assert more, received
        received += more
    return received


WHOLE = LARGE_BODY - 1
UNFINISHED = {
    "a frame": frame(TEXT, b" " * WHOLE, announced=LARGE_BODY),
    "fragments": frame(TEXT, b"", last=False)
    + frame(CONTINUATION, b" " * 2**20, last=False) * (WHOLE // 2**20),
}


@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED)
def test_messages_on_websockets_that_are_kept_back_share_one_budget(server: Server, sent: bytes):
    with websocket(server) as one, websocket(server) as other:
        for client in (one, other):
            client.sendall(sent)

        (refused,) = wait_for_refusals([one, other], 1)
        closing = refused.recv(100)

    assert closing[0] == 0x88
    assert struct.unpack(">H", closing[2:4]) == (1013,)


def test_fragments_are_joined_as_they_arrive_so_that_empty_ones_take_no_memory():
    limits = ClientLimits(1, 1, 1, 1, ConnectionLimits(0), BodyBudget(1), UnsentBudget(1))
    config = uvicorn.Config(lambda: None, log_config=None)
    protocol = WebSocketProtocol(
        limits, config=config, server_state=ServerState(), app_state={}, _loop=object()
    )

    protocol.handle_text(Frame(Opcode.TEXT, b"{", fin=False))
    for piece in (b"", b"x", b"") * 100:
        protocol.handle_cont(Frame(Opcode.CONT, piece, fin=False))

    assert protocol.frames == [b"{" + b"x" * 100]


def test_pings_of_a_client_that_reads_no_pongs_take_no_memory(server: Server):
    ping = frame(PING, b"x" * 125)
    with websocket(server) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**17)
        sent = 0
        for _ in range(14):
            sent += len(ping) * 4_000
            client.sendall(ping * 4_000)
        client.sendall(frame(PING, b"the last"))
        wait_until_read(server, client)
        received = 0
        end = b""
        while not end.endswith(b"the last"):
            piece = client.recv(2**20)
            assert piece, "the server has closed the socket"
            received, end = received + len(piece), (end + piece)[-20:]

    assert received < sent - 2 * 2**20


def wait_until_read(server: Server, client: socket.socket) -> None:
    """Wait until the server has read all that this client has sent."""
    ends = f":{server.address[1]:04X}", f":{client.getsockname()[1]:04X}"
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        queues = {
            (row[1][8:], row[2][8:]): [int(size, 16) for size in row[4].split(":")] for row in rows
        }
        unsent, _ = queues[ends[1], ends[0]]
        _, unread = queues[ends]
        if not unsent and not unread:
            return
        time.sleep(0.01)
    raise AssertionError("the server does not read")
