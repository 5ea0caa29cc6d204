"""When a client disconnects, its queries are cancelled and its mutations completed."""

import asyncio
import json
import signal
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
import pytest

from tests.support.registries.databases import demo_registry, elsewhere, made_once
from tests.support.requests.slow_queries import SLOW
from tests.support.requests.websocket_clients import acknowledged
from tests.support.services.prometheus import Scraped
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

COUNT = "{ actors { totalCount } }"
CONTEXTS = """
    WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 30000)
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, data, created_at, updated_at)
    SELECT 'CHITTY-CONTEXT-' || n, 'c' || n, (SELECT min(chitty_id) FROM actors),
        :words, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z' FROM up
"""
WORDS = json.dumps([f"word {n}" for n in range(60)])
REGISTRATIONS = 40
REGISTER = "\n".join(
    f'a{n}: registerActor(input: {{ actorType: AI, displayName: "gone {n}" }}) {{ errors {{ code }} }}'
    for n in range(REGISTRATIONS)
)
ROOM = ["--max-aliases", "40", "--max-root-fields", "40"]
REGISTERED = "SELECT count(*) FROM actors WHERE display_name LIKE 'gone %'"
SOON = 5.0  # seconds, of the many that the slow query takes


@made_once
def large_registry(path: Path) -> None:
    """Make a registry with the sample data and so many contexts that SLOW takes long."""
    demo_registry(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(CONTEXTS, {"words": WORDS})


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A registry of this test's own."""
    return large_registry(tmp_path / "registry.db")


def post(url: str, query: str) -> socket.socket:
    """Send an operation, and leave the answer to whoever holds the socket."""
    address = urlsplit(url)
    body = json.dumps({"query": query}).encode()
    head = (
        f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    client = socket.create_connection((str(address.hostname), int(address.port or 0)))
    client.sendall(head.encode() + body)
    return client


def is_unanswered(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        client.recv(1)
    except BlockingIOError:
        return True
    return False


def logged(process: Popen[str]) -> list[dict[str, Any]]:
    """Stop the server, and return its logs."""
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=TIMEOUT_SECONDS)
    return [json.loads(line) for line in err.splitlines()]


async def seconds_to_count(url: str) -> float:
    """How long a small request takes, which needs a connection to read with."""
    started = time.monotonic()
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        answer = await client.post(url, json={"query": COUNT})
    assert answer.json()["data"]["actors"]["totalCount"] > 0
    return time.monotonic() - started


async def both_are_read(url: str) -> None:
    """Wait until two operations have a connection to read with."""
    metrics = urlunsplit(urlsplit(url)._replace(path="/metrics"))
    while True:
        scraped = await asyncio.to_thread(Scraped.of, metrics)
        if scraped.total("chittygraph_readers_in_use") == 2:
            return
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("compiled", ["true", "false"])
async def test_a_query_is_cancelled_when_its_client_disconnects(large: Path, compiled: str):
    flags = ["--readers", "2", "--read-seconds", "60", "--compiled", compiled, *ROOM]
    with served(large, *flags) as (process, output):
        url = url_of(output, "/graphql")
        await seconds_to_count(url)  # so whatever is done once only is done

        clients = [post(url, f"{{ {SLOW} }}") for _ in range(2)]
        await asyncio.wait_for(both_are_read(url), TIMEOUT_SECONDS)
        unanswered = [is_unanswered(client) for client in clients]
        for client in clients:
            client.close()
        took = await seconds_to_count(url)
        later_logs = logged(process)

    gone = [line for line in later_logs if line.get("status") == 499]
    assert unanswered == [True, True]
    assert took < SOON
    assert [line["ms"] < 1000 * SOON for line in gone] == [True, True]
    assert [line for line in later_logs if line["level"] != "info"] == []


async def test_a_query_completed_by_its_websocket_client_is_cancelled(large: Path):
    flags = ["--readers", "2", "--read-seconds", "60", *ROOM]
    with served(large, *flags) as (process, output):
        url = url_of(output, "/graphql")
        await seconds_to_count(url)

        async with acknowledged(url) as socket:
            for id_ in ("a", "b"):
                await socket.subscribe(f"{{ {SLOW} }}", id_)
            await asyncio.wait_for(both_are_read(url), TIMEOUT_SECONDS)
            for id_ in ("a", "b"):
                await socket.say("complete", id=id_)
            took = await seconds_to_count(url)
            after = await socket.ask("{ __typename }", "a")
        later_logs = logged(process)

    gone = [line for line in later_logs if line.get("outcome") == "gone"]
    assert took < SOON
    assert [line["ms"] < 1000 * SOON for line in gone] == [True, True]
    assert after == {"data": {"__typename": "Query"}}
    assert [line for line in later_logs if line["level"] != "info"] == []


async def test_a_mutation_is_completed_even_if_its_client_disconnects(tmp_path: Path):
    path = tmp_path / "registry.db"
    with served(path, "--demo", *ROOM) as (process, output):
        url = url_of(output, "/graphql")
        post(url, f"mutation {{ {REGISTER} }}").close()
        with elsewhere(path) as connection:
            deadline = time.monotonic() + TIMEOUT_SECONDS
            while time.monotonic() < deadline:
                ((registered,),) = connection.execute(REGISTERED).fetchall()
                if registered == REGISTRATIONS:
                    break
                await asyncio.sleep(0.05)
        later_logs = logged(process)

    assert registered == REGISTRATIONS
    assert [line for line in later_logs if line["level"] != "info"] == []
