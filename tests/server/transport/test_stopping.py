"""SIGTERM: requests that came whole are answered, all others are refused at once, and sockets are closed."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed

from server.http.turns import FEWEST_WAITING
from server.transport.graceful_server import GracefulServer
from server.transport.hang_up import HangUp
from tests.support.registries.databases import elsewhere
from tests.support.requests.raw_http import Answer, all_from, answers
from tests.support.requests.websocket_clients import acknowledged, opened
from tests.support.running.waiting import eventually
from tests.support.services.prometheus import Scraped
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, UNHURRIED, served, url_of
from tests.support.services.transport_server import answer, protocols

HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HALF_BODY = HEAD + b"Content-Length: 100\r\n\r\n{"
REGISTER = """
    mutation($name: String) {
      registerActor(input: { actorType: AI, displayName: $name }) { actor { displayName } errors { code } }
    }
"""
REGISTERED = "SELECT count(*) FROM actors WHERE display_name = 'in flight'"
STOPPING = "the server is stopping: send the request again in a moment"


def post(query: str, **variables: str) -> bytes:
    body = json.dumps({"query": query, "variables": variables}).encode()
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def answers_on(client: socket.socket) -> list[Answer]:
    """The answers until the server closes the connection."""
    return answers(all_from(client))


class Clients:
    """Connections to a server."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname, parts.port
        self._stack = stack

    def send(self, data: bytes) -> socket.socket:
        client = socket.create_connection(self._address, timeout=TIMEOUT_SECONDS)
        self._stack.enter_context(client)
        client.sendall(data)
        return client

    def send_each(self, count: int, data: bytes, metrics: str) -> list[socket.socket]:
        """Send a request so often, and wait until all run: more at once than may wait would be refused."""
        clients: list[socket.socket] = []
        while len(clients) < count:
            clients += [self.send(data) for _ in range(min(FEWEST_WAITING, count - len(clients)))]
            deadline = time.monotonic() + TIMEOUT_SECONDS
            while running(metrics) < len(clients):
                assert time.monotonic() < deadline, "requests do not run"
                time.sleep(0.01)
        return clients

    def ask_all_workers(self) -> None:
        """Have each worker answer on some connection, after it has read what was sent before."""
        for _ in range(16):
            assert self.send(post("{ __typename }")).recv(12) == b"HTTP/1.1 200"


def running(metrics: str) -> float:
    return Scraped.of(metrics).total("chittygraph_requests_running", lane="requests")


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.thorough)])
async def test_sigterm_finishes_what_runs_and_refuses_the_rest_at_once(
    tmp_path: Path, workers: str
):
    path = tmp_path / "registry.db"
    flags = (*UNHURRIED, "--stop-seconds", "60", "--workers", workers)
    with served(path, *flags, *QUIET) as (process, said), ExitStack() as stack:
        url = url_of(said, "/graphql")
        clients = Clients(url, stack)
        await asyncio.to_thread(clients.ask_all_workers)
        async with acknowledged(url) as busy, opened(url) as idle:
            with elsewhere(path) as connection:
                connection.execute("BEGIN IMMEDIATE")  # mutations wait
                waiting = await asyncio.to_thread(
                    clients.send_each,
                    50,
                    post(REGISTER, name="in flight"),
                    url_of(said, "/metrics"),
                )
                await busy.subscribe(REGISTER, variables={"name": "in flight"})
                await busy.say("ping")
                assert await busy.hear() == {"type": "pong"}
                unfinished = [
                    clients.send(HALF_BODY),
                    clients.send(HEAD),
                    clients.send(post("{ __typename }") + HALF_BODY),
                ]
                silent = [clients.send(b"") for _ in range(100)]
                await asyncio.to_thread(clients.ask_all_workers)
                process.send_signal(signal.SIGTERM)
                refused = [await asyncio.to_thread(answers_on, each) for each in unfinished]
                closed = [await asyncio.to_thread(all_from, each) for each in silent]
                idle_closed = await idle.closed()
                connection.execute("COMMIT")
            finished = [await asyncio.to_thread(answers_on, each) for each in waiting]
            on_socket = await busy.hear()
            busy_closed = await busy.closed()
        code = await asyncio.to_thread(process.wait)
        with elsewhere(path) as connection:
            ((stored,),) = connection.execute(REGISTERED).fetchall()

    assert [[each.status for each in per_client] for per_client in refused] == [
        [503],
        [503],
        [200, 503],
    ]
    assert {per_client[-1].error["message"] for per_client in refused} == {STOPPING}
    assert refused[0][0].headers["retry-after"] == "1"
    assert set(closed) == {b""}
    assert [[each.status for each in per_client] for per_client in finished] == [[200]] * 50
    assert on_socket["payload"]["data"]["registerActor"]["errors"] == []
    assert busy_closed[0] == idle_closed[0] == 1012
    assert stored == 51
    assert code == 0


@asynccontextmanager
async def stopping(app, seconds: int) -> AsyncIterator[tuple[GracefulServer, str]]:
    """A server in this process, whose requests may take so long when it stops."""
    http, websockets = protocols()
    config = uvicorn.Config(
        app,
        http=http,
        ws=websockets,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=seconds,
    )
    server = GracefulServer(config, HangUp())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        running = asyncio.create_task(server.serve([listener]))
        await eventually(lambda: server.started)
        yield server, f"http://127.0.0.1:{port}/graphql"
        await running


async def test_a_request_that_takes_too_long_is_answered_with_an_error_in_json():
    started, is_cancelled = asyncio.Event(), False

    async def app(scope, receive, send) -> None:
        nonlocal is_cancelled
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            is_cancelled = True
            raise

    async with stopping(app, 0) as (server, url):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await started.wait()
        server.should_exit = True

        (told,) = answers(await reader.read())

        writer.close()
        await writer.wait_closed()

    assert told.status == 503
    assert told.error["extensions"] == {"code": "UNAVAILABLE"}
    assert told.error["message"].startswith("the server stopped before this was answered")
    assert is_cancelled


async def test_a_response_that_is_being_read_is_sent_to_its_end():
    size = 30_000_000  # more than the system's buffers hold

    async def app(scope, receive, send) -> None:
        await answer(send, bytes(size))

    async with stopping(app, TIMEOUT_SECONDS) as (server, url):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        received = await reader.readexactly(1000)
        server.should_exit = True
        await eventually(lambda: not server.servers[0].is_serving())

        received += await reader.read()

        writer.close()
        await writer.wait_closed()

    (told,) = answers(received)
    assert len(told.body) == size


async def test_a_socket_that_is_never_left_is_closed_all_the_same():
    async def app(scope, receive, send) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
        await asyncio.Event().wait()

    async with stopping(app, 0) as (server, url), opened(url) as client:
        server.should_exit = True

        with pytest.raises(ConnectionClosed):
            await client.hear()

    assert client.connection.close_code == 1012


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no terminals")
def test_a_server_ends_with_its_terminal(tmp_path: Path):
    command = (
        "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
        " from server.cli import main; sys.exit(main())"
    )
    flags = ("serve", "--database", str(tmp_path / "registry.db"), "--port", "0")
    controller, terminal = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", command, *flags],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        os.close(terminal)
        assert process.stdout.readline()
        os.close(controller)

        code = process.wait(TIMEOUT_SECONDS)
    finally:
        process.kill()
        process.communicate()

    assert code == 0
