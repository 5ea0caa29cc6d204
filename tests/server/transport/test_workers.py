"""Several workers: sockets of their own, a share of the connections each, and successors."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from threading import Event
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from db.errors import BootRefused
from server.cli import main
from server.transport.workers import listeners
from tests.support.running.waiting import wait_until
from tests.support.services.own_address import own_host
from tests.support.services.server_process import (
    TIMEOUT_SECONDS,
    served,
    url_of,
    wait_until_all_ended,
    workers_of,
)

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux deals out connections")
CONNECTIONS = 64
NAMES = "SELECT display_name FROM actors"
REGISTER = """
    mutation($name: String) {
      registerActor(input: { actorType: AI, displayName: $name }) { errors { code } }
    }
"""


def status_of(url: str) -> int:
    with urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
        return int(answer.status)


def lines_of(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Stop the server, and return what it logged."""
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=TIMEOUT_SECONDS)
    return [json.loads(line) for line in err.splitlines()]


@linux_only
def test_connections_are_distributed_among_workers():
    with socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS) as first:
        address = first.getsockname()
        with listeners(first, 2) as both:
            clients = [socket.create_connection(address) for _ in range(CONNECTIONS)]
            dealt = [accepted(listener) for listener in both]
            for client in clients:
                client.close()

    assert sum(dealt) == CONNECTIONS
    assert min(dealt) >= CONNECTIONS / 8


def accepted(listener: socket.socket) -> int:
    listener.setblocking(False)
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_a_second_server_of_the_same_user_cannot_bind_the_port(tmp_path, capsys):
    with served(tmp_path / "one.db", "--workers", "2") as (_, output):
        port = str(urlsplit(url_of(output, "/")).port)
        before = signal.getsignal(signal.SIGTERM)
        refused = main(
            ["serve", "--database", str(tmp_path / "two.db"), "--port", port, "--workers", "2"]
        )
        signal.signal(signal.SIGTERM, before)

    assert refused == 1
    assert f"port {port} is in use" in capsys.readouterr().err


@linux_only
def test_connections_of_a_dead_worker_wait_for_its_successor(tmp_path):
    with served(tmp_path / "registry.db", "--workers", "2", "--pin-cpus") as (process, output):
        url = url_of(output, "/healthz")
        for _ in range(CONNECTIONS):  # each worker has answered some of so many
            status_of(url)
        killed, kept = workers_of(process, 2)
        os.kill(killed, signal.SIGKILL)
        statuses = {status_of(url) for _ in range(CONNECTIONS)}
        now = workers_of(process, 2)
        lines = lines_of(process)

    assert statuses == {200}
    assert process.returncode == 0
    assert len(now) == 2
    assert kept in now
    assert killed not in now
    cpus = [line["cpu"] for line in lines if line["event"] == "worker pinned"]
    assert len(cpus) == 3
    assert set(cpus[:2]) == set(cpus)


@pytest.mark.parametrize("count", [1, 2])
def test_sighup_reloads_documents_and_drops_no_request(tmp_path, count):
    documents = tmp_path / "documents.json"
    documents.write_text('{"old": "{ __typename }"}')
    flags = ("--workers", str(count), "--documents", str(documents), "--log-level", "error")
    with served(tmp_path / "registry.db", *flags) as (process, output):
        url = url_of(output, "/graphql?documentId=")
        before = workers_of(process, count) if count > 1 else []
        with ThreadPoolExecutor() as pool:
            asking, is_over = Event(), Event()
            statuses = pool.submit(statuses_until, is_over, asking, f"{url}old")
            assert asking.wait(TIMEOUT_SECONDS)
            replace(documents, '{"old": "{ __typename }", "new": "{ __typename }"}')
            process.send_signal(signal.SIGHUP)
            wait_until_known(f"{url}new")
            replace(documents, "[]")
            process.send_signal(signal.SIGHUP)
            is_over.set()
        while (line := json.loads(process.stderr.readline()))["event"] != "server not reloaded":
            assert line
        still = {status_of(f"{url}new") for _ in range(16)}
        after = workers_of(process, count) if count > 1 else []
        lines_of(process)

    assert set(statuses.result()) == {200}
    assert still == {200}
    assert "documents.json must be a JSON object" in line["reason"]
    assert before == after
    assert process.returncode == 0


def replace(file: Path, text: str) -> None:
    """Give a file that a server may be reading another text."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def statuses_until(is_over: Event, asking: Event, url: str) -> list[int]:
    """The statuses of requests on new connections, one after the other."""
    statuses = []
    while not is_over.is_set():
        statuses.append(status_of(url))
        asking.set()
    return statuses


def wait_until_known(url: str) -> None:
    """Wait until all workers know a document."""
    deadline, successes = time.monotonic() + TIMEOUT_SECONDS, 0
    while successes < 16 and time.monotonic() < deadline:
        try:
            status_of(url)
            successes += 1
        except HTTPError:
            successes = 0
            time.sleep(0.02)
    assert successes == 16


@linux_only
def test_workers_end_with_their_parent_and_keep_what_they_acknowledged(tmp_path):
    path, host = tmp_path / "registry.db", own_host()
    with served(path, "--host", host, "--workers", "2", "--log-level", "error") as (
        process,
        output,
    ):
        url = url_of(output, "/graphql")
        status_of(url_of(output, "/healthz"))
        workers_of(process, 2)
        with ThreadPoolExecutor() as pool:
            writers = [pool.submit(register_until_gone, url, f"{n}") for n in range(4)]
            wait_until_stored(path, 20)
            process.kill()
            wait_until_all_ended(process.pid)
            acknowledged = {name for writer in writers for name in writer.result()}
        with closing(sqlite3.connect(path)) as connection:
            stored = {name for (name,) in connection.execute(NAMES)}
        port = str(urlsplit(url).port)
        with served(path, "--host", host, "--port", port) as (_, told):
            status = status_of(url_of(told, "/healthz"))

    assert len(acknowledged) >= 16
    assert acknowledged <= stored
    assert status == 200


def register_until_gone(url: str, prefix: str) -> list[str]:
    """Register actors until the server is gone; the names of those that it acknowledged."""
    acknowledged: list[str] = []
    while True:
        name = f"{prefix}-{len(acknowledged)}"
        body = json.dumps({"query": REGISTER, "variables": {"name": name}}).encode()
        request = Request(url, body, {"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                assert not json.load(response)["data"]["registerActor"]["errors"]
        except (OSError, HTTPException):
            return acknowledged
        acknowledged.append(name)


def wait_until_stored(path: Path, count: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        wait_until(lambda: len(connection.execute(NAMES).fetchall()) >= count)


@linux_only
def test_a_worker_that_cannot_start_stops_the_others(tmp_path):
    path = tmp_path / "registry.db"
    with served(path, "--workers", "2") as (process, output):
        status_of(url_of(output, "/healthz"))
        path.rename(tmp_path / "elsewhere.db")
        path.write_text("no database any more " * 100)
        os.kill(workers_of(process, 2)[0], signal.SIGKILL)
        process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode == 1


def test_a_single_worker_that_cannot_start_is_a_failure(tmp_path, monkeypatch):
    async def refuse(*_: object, **__: object) -> None:
        raise BootRefused("no database any more")

    monkeypatch.setattr("server.service.open_database", refuse)
    before = signal.getsignal(signal.SIGTERM)
    code = main(["serve", "--database", str(tmp_path / "registry.db"), "--port", "0"])
    signal.signal(signal.SIGTERM, before)

    assert code == 1


@pytest.mark.thorough
@linux_only
def test_a_restarted_worker_with_invalid_documents_stops_the_server(tmp_path):
    documents = tmp_path / "documents.json"
    documents.write_text("{}")
    path = tmp_path / "registry.db"
    with served(path, "--workers", "2", "--documents", str(documents)) as (process, output):
        status_of(url_of(output, "/healthz"))
        documents.write_text("[]")
        os.kill(workers_of(process, 2)[0], signal.SIGKILL)
        _, err = process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode == 1
    assert "worker cannot start" in err
