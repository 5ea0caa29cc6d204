"""Processes of the server are stopped or killed while clients write and sockets are open."""

import asyncio
import os
import resource
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from tests.support.faults.declaration import Fault, Rounds, count, seconds
from tests.support.faults.trial import Trial
from tests.support.registries.databases import elsewhere
from tests.support.requests.floods import health_checks
from tests.support.requests.writing_clients import CLIENTS, Load, stored
from tests.support.running.waiting import wait_until
from tests.support.services.own_address import own_host
from tests.support.services.prometheus import Scraped
from tests.support.services.server_process import (
    QUIET,
    TIMEOUT_SECONDS,
    UNHURRIED,
    served,
    url_of,
    wait_until_all_ended,
    wait_until_ended,
    workers_of,
)

SOCKETS = 1_000
IN_FLIGHT = 50
REGISTER = """
    mutation { registerActor(input: { actorType: AI, displayName: "in flight" }) { errors { code } } }
"""
REGISTERED = "SELECT count(*) FROM actors WHERE display_name = 'in flight'"

STOP = Fault(
    name="stop",
    done=f"SIGTERM with {IN_FLIGHT} mutations in flight and {SOCKETS:,} connections open",
    holds="the mutations are answered, all connections are closed, and the server ends with 0",
    rounds=Rounds(default=0, thorough=1, by_hand=20),
    figures={"lost": count(0), "connections closed after": seconds(2)},
)
PARENT_KILLED = Fault(
    name="parent-killed",
    done=f"`kill -9` of the parent of two workers under {CLIENTS} writing clients",
    holds="the workers end, no acknowledged write is lost, and another server takes the port at once",
    rounds=Rounds(default=0, thorough=1, by_hand=20, called="kills"),
    figures={"lost": count(0), "workers end after": seconds(2)},
)
WORKER_KILLED = Fault(
    name="worker-killed",
    done=f"`kill -9` of one of two workers, and SIGSTOP of the other, under {CLIENTS} writing clients",
    holds="both are replaced, and no acknowledged write is lost",
    rounds=Rounds(default=0, thorough=1, by_hand=20, called="kills"),
    figures={"lost": count(0), "replaced after": seconds(15)},
)


@STOP
async def test_a_server_with_many_connections_stops_at_once(trial: Trial, tmp_path: Path):
    path = tmp_path / "registry.db"
    flags = ("--peer-sockets", "0", "--stop-seconds", "60", *QUIET, *UNHURRIED)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for round_ in trial.each_round():
        with served(path, *flags) as (process, said), ExitStack() as stack:
            url = urlsplit(url_of(said, "/graphql"))
            list(health_checks(url_of(said, "/healthz"), 0))
            idle = [
                stack.enter_context(socket.create_connection((url.hostname, url.port)))
                for _ in range(SOCKETS)
            ]
            limits = httpx2.Limits(max_connections=None)
            async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, limits=limits) as client:
                with elsewhere(path) as connection:
                    connection.execute("BEGIN IMMEDIATE")  # mutations wait
                    running = [
                        asyncio.ensure_future(client.post(url.geturl(), json={"query": REGISTER}))
                        for _ in range(IN_FLIGHT)
                    ]
                    await asyncio.to_thread(wait_until_arrived, url_of(said, "/metrics"))
                    process.send_signal(signal.SIGTERM)
                    began = time.monotonic()
                    for each in idle:
                        assert await asyncio.to_thread(each.recv, 1) == b""
                    trial.measured("connections closed after", time.monotonic() - began)
                    connection.execute("COMMIT")
                answers = await asyncio.gather(*running)
            assert await asyncio.to_thread(process.wait) == 0
        with elsewhere(path) as connection:
            ((found,),) = connection.execute(REGISTERED).fetchall()

        assert {answer.status_code for answer in answers} == {200}
        trial.measured("lost", IN_FLIGHT * (round_ + 1) - found)


def wait_until_arrived(metrics: str) -> None:
    """Wait until the server has read all mutations: what it has not is lost when it closes."""
    wait_until(lambda: arrived(Scraped.of(metrics)) >= IN_FLIGHT, lambda: "requests do not arrive")


def arrived(scraped: Scraped) -> float:
    """How many requests run or wait for their turn."""
    states = "chittygraph_requests_running", "chittygraph_requests_waiting"
    return sum(scraped.total(name, lane="requests") for name in states)


@PARENT_KILLED
async def test_workers_whose_parent_is_killed_end(trial: Trial, tmp_path: Path):
    path, host = tmp_path / "registry.db", own_host()
    acknowledged: set[tuple[str, str]] = set()
    for round_ in trial.each_round():
        with served(path, "--host", host, "--workers", "2", *QUIET, *UNHURRIED) as (process, said):
            url = url_of(said, "/graphql")
            await asyncio.to_thread(workers_of, process, 2)
            load = Load(url, CLIENTS * round_)
            clients = [asyncio.ensure_future(load.client(number)) for number in range(CLIENTS)]
            await load.enough.wait()
            process.kill()
            began = time.monotonic()
            await asyncio.to_thread(wait_until_all_ended, process.pid)
            trial.measured("workers end after", time.monotonic() - began)
            await ended(clients)
        with served(path, "--host", host, "--port", str(urlsplit(url).port), *QUIET):
            acknowledged |= load.acknowledged
            trial.measured("lost", len(acknowledged - stored(path)))


@WORKER_KILLED
async def test_workers_that_are_killed_or_hang_are_replaced(trial: Trial, tmp_path: Path):
    path = tmp_path / "registry.db"
    acknowledged: set[tuple[str, str]] = set()
    with served(path, "--workers", "2", "--log-level", "error", *UNHURRIED) as (process, said):
        url = url_of(said, "/graphql")
        for round_ in trial.each_round():
            pids = await asyncio.to_thread(workers_of, process, 2)
            load = Load(url, CLIENTS * round_)
            clients = [asyncio.ensure_future(load.client(number)) for number in range(CLIENTS)]
            await load.enough.wait()
            os.kill(pids[0], signal.SIGKILL)
            os.kill(pids[1], signal.SIGSTOP)
            began = time.monotonic()
            for pid in pids:
                await asyncio.to_thread(wait_until_ended, pid)
            await asyncio.to_thread(workers_of, process, 2)
            trial.measured("replaced after", time.monotonic() - began)
            for client in clients:
                client.cancel()
            await asyncio.wait(clients)
            acknowledged |= load.acknowledged
            trial.measured("lost", len(acknowledged - stored(path)))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait) == 0


async def ended(clients: Sequence[asyncio.Future[None]]) -> None:
    failures = await asyncio.gather(*clients, return_exceptions=True)
    assert failures == [None] * CLIENTS
