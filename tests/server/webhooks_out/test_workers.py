"""Several workers deliver each change once and in order, and go on for one that is killed."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx2

from db.commands import outgoing_deliveries
from db.commands.outgoing_deliveries import Lease, Progress, Result
from db.model.outgoing_webhooks import DeliveryStatus
from server.webhooks_out.delivery import LEASE_SECONDS
from tests.support.other_programs.webhook_receiver import Received, Reply, receiving
from tests.support.registries.databases import elsewhere, new_registry
from tests.support.running.waiting import wait_until
from tests.support.services.outgoing import (
    CREATE,
    REGISTER,
    Clock,
    asked,
    delivering,
    made,
    names,
    quiet,
    registered,
    taken,
    until,
)
from tests.support.services.server_process import QUIET, UNHURRIED, served, url_of, workers_of

PATIENCE = 60.0


def post(address: str, query: str, /, **variables: Any) -> Any:
    """The data that a server answers with."""
    answer = httpx2.post(address, json={"query": query, "variables": variables}, timeout=PATIENCE)
    assert "errors" not in answer.json(), answer.json()
    return answer.json()["data"]


def stored(path: Path, sql: str) -> Any:
    """What a SELECT finds in a file that servers use."""
    with elsewhere(path) as connection:
        return connection.execute(sql).fetchall()


def end_lease(path: Path) -> None:
    """Let nobody wait for a worker that is dead."""
    with elsewhere(path) as connection:
        connection.execute("UPDATE outgoing_webhooks SET lease_until = '2026-01-01T00:00:00.000Z'")


async def test_two_workers_send_each_change_once_and_one_at_a_time(tmp_path: Path):
    people = [f"Person {number}" for number in range(30)]
    with receiving() as receiver:
        async with quiet(tmp_path / "registry.db") as api:
            webhook = await made(api, receiver.url)
            async with delivering(api, time.time), delivering(api, time.time):
                await registered(api, *people)
                await taken(receiver, len(people))

    assert names(receiver, webhook["secret"]) == people
    assert receiver.most_together == 1


async def test_a_worker_waits_for_the_lease_of_another_one_and_not_for_ever(tmp_path: Path):
    clock = Clock()
    with receiving() as receiver:
        async with quiet(tmp_path / "registry.db") as api:
            await made(api, receiver.url)
            await api.put(TAKE, until="2027-01-15T08:00:15.000Z")
            async with delivering(api, clock) as dispatcher:
                await registered(api, "Ada")
                clock.now += 14
                dispatcher.wake()
                await api.rows("SELECT 1")
                assert receiver.received == []
                clock.now += 2
                dispatcher.wake()
                await taken(receiver, 1)


async def test_a_lease_of_a_clock_that_was_set_back_is_none(tmp_path: Path):
    with receiving() as receiver:
        async with quiet(tmp_path / "registry.db") as api:
            await made(api, receiver.url)
            await api.put(TAKE, until="2027-01-16T08:00:00.000Z")
            async with delivering(api, Clock()):
                await registered(api, "Ada")
                await taken(receiver, 1)


TAKE = "UPDATE outgoing_webhooks SET lease_holder = 'another', lease_until = :until"


async def test_a_worker_whose_lease_has_ended_records_nothing(tmp_path: Path):
    clock = Clock()
    with receiving(lambda _: Reply(hangs=len(receiver.received) == 1)) as receiver:
        async with quiet(tmp_path / "registry.db") as api:
            webhook = await made(api, receiver.url)
            async with delivering(api, clock):
                await registered(api, "Ada")
                await asked(receiver, 1)
                late = Clock()
                late.now = clock.now + LEASE_SECONDS + 1
                async with delivering(api, late):
                    await taken(receiver, 1)
                    await until(api, lambda each: bool(each["deliveries"]["nodes"]))
                before = await api.rows("SELECT position, attempts FROM outgoing_webhooks")
                receiver.is_over.set()  # the connection of the first worker breaks now
                await until_idle(api)
            after = await api.rows("SELECT position, attempts FROM outgoing_webhooks")
            deliveries = await api.rows("SELECT status, attempts FROM outgoing_deliveries")

    assert names(receiver, webhook["secret"]) == ["Ada"]
    assert before == after
    assert deliveries == [("delivered", 1)]


async def until_idle(api: Any) -> None:
    """Let what has begun take its course."""
    for _ in range(50):
        await api.rows("SELECT 1")
        await asyncio.sleep(0)


async def test_a_result_is_written_under_the_lease_only(tmp_path: Path):
    async with quiet(tmp_path / "registry.db") as api:
        webhook = await made(api, "http://127.0.0.1:1/")
        await api.put(TAKE, until="2999-01-01T00:00:00.000Z")
        times = ("2027-01-15T08:00:00.000Z", "2027-01-15T08:00:15.000Z", "2027-01-15T08:00:30.000Z")
        result = Result(1, DeliveryStatus.DELIVERED, 1, erasures=0)
        mine = Lease(webhook["id"], "me", *times)
        other = Lease(webhook["id"], "another", *times)
        moved = Progress(was=5, position=6)

        written = [
            await api.service.db.write(outgoing_deliveries.record(lease, result, progress))
            for lease, progress in ((mine, Progress(0, 1)), (other, moved), (other, Progress(0, 1)))
        ]
        kept = await api.rows("SELECT count(*) FROM outgoing_deliveries")

    assert written == [False, False, True]
    assert kept == [(1,)]


def test_two_workers_of_a_server_send_each_change_once_and_in_order(tmp_path: Path):
    file, people = tmp_path / "registry.db", [f"Person {number}" for number in range(40)]
    new_registry(file)
    flags = (*QUIET, *UNHURRIED, "--workers", "2", "--private-webhook-targets")
    with receiving() as receiver, served(file, *flags) as (process, said):
        workers_of(process, 2)
        url = url_of(said, "/graphql")
        created = post(url, CREATE, url=receiver.url)["createWebhook"]
        for name in people:
            post(url, REGISTER, name=name)
        wait_until(lambda: len(receiver.taken) >= len(people))

    assert names(receiver, created["secret"]) == people
    assert receiver.most_together == 1


def test_what_a_killed_server_was_sending_is_sent_again_and_nothing_is_skipped(tmp_path: Path):
    file, people = tmp_path / "registry.db", [f"Person {number}" for number in range(30)]
    new_registry(file)
    flags = (*QUIET, *UNHURRIED, "--private-webhook-targets")

    def slowly(_: Received) -> Reply:
        time.sleep(0.02)
        return Reply()

    with receiving(slowly) as receiver:
        with served(file, *flags) as (_, said):
            url = url_of(said, "/graphql")
            created = post(url, CREATE, url=receiver.url)["createWebhook"]
            for name in people[:20]:
                post(url, REGISTER, name=name)
            wait_until(lambda: len(receiver.received) >= 5)
        # Leaving kills its whole group with SIGKILL. The lease of the dead ends in 15 seconds, or now:
        end_lease(file)
        with served(file, *flags) as (_, said):
            for name in people[20:]:
                post(url_of(said, "/graphql"), REGISTER, name=name)
            wait_until(lambda: len({each.id for each in receiver.taken}) >= len(people))

    seen = dict.fromkeys(
        (each.id, each.verified(created["secret"])["data"]["after"]["displayName"])
        for each in receiver.received
    )
    assert [name for _, name in seen] == people


def test_a_worker_goes_on_for_one_that_is_killed(tmp_path: Path):
    file, people = tmp_path / "registry.db", [f"Person {number}" for number in range(10)]
    new_registry(file)
    flags = (*QUIET, *UNHURRIED, "--workers", "2", "--private-webhook-targets")
    with (
        receiving(lambda _: Reply(hangs=len(receiver.received) == 3)) as receiver,
        served(file, *flags) as (process, said),
    ):
        pids = workers_of(process, 2)
        url = url_of(said, "/graphql")
        created = post(url, CREATE, url=receiver.url)["createWebhook"]
        for name in people[:5]:
            post(url, REGISTER, name=name)
        wait_until(lambda: len(receiver.received) == 3)
        ((holder,),) = stored(file, "SELECT lease_holder FROM outgoing_webhooks")
        dead = int(holder.split(":")[1])
        assert dead in pids
        os.kill(dead, signal.SIGKILL)
        end_lease(file)
        for name in people[5:]:
            post_patiently(url, name)
        wait_until(lambda: len(receiver.taken) >= len(people))

    assert names(receiver, created["secret"]) == people
    assert receiver.received[2].id == receiver.received[3].id


def post_patiently(url: str, name: str) -> None:
    """Register an actor, through whichever worker is there."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            post(url, REGISTER, name=name)
        except httpx2.TransportError:  # the worker that had the connection is gone
            assert time.monotonic() < deadline
        else:
            return
