"""Several workers: sockets of their own, a share of the connections each, and successors."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from db.errors import BootRefused
from server.cli import main
from server.transport.workers import listeners
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of, workers_of

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux deals out connections")
CONNECTIONS = 64


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


@linux_only
def test_sighup_replaces_workers_one_after_the_other(tmp_path):
    with served(tmp_path / "registry.db", "--workers", "2") as (process, output):
        url = url_of(output, "/healthz")
        status_of(url)
        before = set(workers_of(process, 2))
        process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while before & set(workers_of(process, 2)) and time.monotonic() < deadline:
            time.sleep(0.1)
        after = set(workers_of(process, 2))
        status = status_of(url)
        lines_of(process)

    assert (status, process.returncode) == (200, 0)
    assert len(after) == 2
    assert not before & after


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
