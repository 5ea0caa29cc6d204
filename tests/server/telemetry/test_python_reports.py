"""Nothing but log lines comes to a server's stderr, whatever is given up while it runs."""

import asyncio
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.paths import ROOT
from tests.support.registries.databases import demo_registry
from tests.support.requests.websocket_clients import acknowledged
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

NESTED = """
    { contexts(first: 30) { nodes { owner { contexts { nodes { name owner { chittyId } } } }
      installations { nodes { id } totalCount } updatedAt
      connections { nodes { source { __typename } installation { id } } pageInfo { hasNextPage } } } }
      actors { nodes { contexts { totalCount } suspendedInstallations { nodes { id } } } } }
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A registry with a value that no plan can read, so that resolvers execute what selects it."""
    file = demo_registry(tmp_path / "registry.db")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE contexts SET updated_at = 'long ago' WHERE rowid % 7 = 0")
        connection.commit()
    return file


def request(port: int) -> bytes:
    body = json.dumps({"query": NESTED}).encode()
    head = f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
    return head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body


def given_up(port: int, after: float) -> None:
    """Send a request, and leave before its answer is there."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(request(port))
        time.sleep(after)


def answered(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as client:
        client.sendall(request(port).replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
        return b"".join(iter(lambda: client.recv(65_536), b""))


# A forked process ends without the end of the interpreter.
@pytest.mark.parametrize("fork", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_requests_that_are_given_up_leave_nothing_but_log_lines_on_stderr(path: Path, fork: bool):
    flags = ("--log-format", "json", "--read-seconds", "0.02")
    with served(path, *flags, fork=fork) as (process, said):
        port = int(said.split("127.0.0.1:")[1].split("/")[0])
        answers = [answered(port) for _ in range(3)]  # some of them come too late
        for number in range(30):
            given_up(port, number / 2_000)
        with socket.create_connection(("127.0.0.1", port)) as running:
            running.sendall(request(port))
            process.send_signal(signal.SIGTERM)
            _, stderr = process.communicate(timeout=TIMEOUT_SECONDS)

    lines = [json.loads(line) for line in stderr.splitlines()]
    assert all(b'"errors"' in answer for answer in answers)
    assert process.returncode == 0
    assert "server stopped" in {line["event"] for line in lines}
    assert not [line for line in lines if line["logger"] == "server.telemetry.python_reports"]


async def socket_given_up(url: str, after: float) -> None:
    """Ask for several operations on one socket, and leave it without a word."""
    with suppress(ConnectionClosed, InvalidStatus, OSError):
        async with acknowledged(url) as client:
            for number in range(5):
                await client.subscribe(NESTED, str(number))
            await asyncio.sleep(after)
            client.connection.transport.abort()


@pytest.mark.thorough
async def test_sockets_that_are_left_while_the_server_stops_leave_nothing_but_log_lines(path: Path):
    with served(path, "--log-format", "json", "--workers", "2") as (process, said):
        url = url_of(said, "/graphql")
        for number in range(20):
            await socket_given_up(url, number / 1_000)
        left = [asyncio.create_task(socket_given_up(url, number / 1_000)) for number in range(20)]
        await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        await asyncio.wait(left)
        _, stderr = await asyncio.to_thread(process.communicate)

    lines = [json.loads(line) for line in stderr.splitlines()]
    assert process.returncode == 0
    assert "server stopped" in {line["event"] for line in lines}
    assert [line for line in lines if line["level"] == "error"] == []
    assert not [line for line in lines if line["logger"] == "server.telemetry.python_reports"]


REPORTS = """
import asyncio, gc, threading
from server.telemetry import logs, python_reports

logs.configure("json", "info")
python_reports.take_over()
SECRET = "sec" + "ret"  # Python 3.13 shows lines of this text in tracebacks

class Broken:
    def __del__(self):
        raise ValueError(SECRET)

def fail():
    raise ValueError(SECRET)

async def never():
    pass

async def main():
    asyncio.get_running_loop().set_exception_handler(python_reports.log_problem)
    never()
    failed = asyncio.get_running_loop().create_future()
    failed.set_exception(ValueError(SECRET))

Broken()
asyncio.run(main())
gc.collect()
thread = threading.Thread(target=fail)
thread.start()
thread.join()
"""


def test_what_python_reports_by_itself_becomes_a_line_without_what_it_may_quote():
    done = subprocess.run(
        [sys.executable, "-c", REPORTS], capture_output=True, text=True, check=True, cwd=ROOT
    )

    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("exception ignored", "error"),
        ("python warned", "warning"),
        ("event loop reported a problem", "error"),
        ("thread failed", "error"),
    ]
    assert lines[1]["warning"] == "coroutine 'never' was never awaited"
    assert lines[2]["problem"] == "Future exception was never retrieved"
    assert "secret" not in done.stderr
