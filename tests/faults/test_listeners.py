"""Listeners and receivers of webhooks fail at random, while everything writes and the server is killed."""

import asyncio
import os
import random
import signal
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from standardwebhooks.webhooks import WebhookVerificationError

from db.queries import sealed_sequences
from db.queries.sealed_sequences import Purpose
from tests.support.faults.declaration import Fault, Rounds, count, seconds
from tests.support.faults.trial import Trial
from tests.support.other_programs.webhook_receiver import Received, Receiver, Reply, receiving
from tests.support.registries.databases import elsewhere, new_registry
from tests.support.requests.event_streams import listening
from tests.support.requests.mixed_writers import Writers
from tests.support.requests.resuming_listeners import (
    CHANGES,
    Listener,
    Place,
    by_event_stream,
    by_socket,
)
from tests.support.services.commands import command
from tests.support.services.outgoing import CREATE
from tests.support.services.own_address import own_host
from tests.support.services.server_process import (
    QUIET,
    TIMEOUT_SECONDS,
    UNHURRIED,
    served,
    url_of,
    workers_of,
)

LISTENERS, RECEIVERS, KILLS = 20, 2, 3
FLAGS = (
    *("--workers", "2", "--private-webhook-targets", *QUIET, *UNHURRIED),
    *("--github-webhook-secret", "it is a secret"),
)
LONG = 1_000  # writes, from which on it is killed KILLS times, and not once
OUTAGES = 3  # of each receiver, of which one takes 5 seconds to be asked again
RECORDED = "SELECT sequence, kind, operation, cause FROM changes ORDER BY sequence"
KEY = "SELECT value FROM server_keys WHERE name = 'cursors'"

INTERRUPTED_LISTENERS = Fault(
    name="interrupted-listeners",
    done=f"{LISTENERS} listeners, half of them on WebSockets and half on event streams, lose their"
    f" connections at random, {RECEIVERS} receivers of webhooks fail at random, and {KILLS} times one of two"
    " workers and then both with their parent are killed by `kill -9`, while mutations, deliveries of"
    " GitHub, `import` and another program write",
    holds="each listener hears of each change once and in order, each receiver gets each change once and in"
    " order if it leaves out ids that it knows, and `audit verify` finds nothing",
    rounds=Rounds(default=200, thorough=1_500, by_hand=5_000, called="writes"),
    figures={"lost": count(0), "repeated": count(0), "caught up after": seconds()},
)


@dataclass
class Outages:
    """Has a receiver fail at some of the messages; `first` has each by its id, as it first came."""

    at: set[int]
    secret: str = ""
    first: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, got: Received) -> Reply:
        try:
            message = got.verified(self.secret)
        except WebhookVerificationError:  # its server was killed before it had sent all of it
            return Reply(status=400)
        with self.lock:
            fails = got.id not in self.first and len(self.first) in self.at
            self.first.setdefault(got.id, message["data"])
            self.failures += fails
        return Reply(status=503) if fails else Reply()


@dataclass
class Audience:
    """All who are told of changes, and where the server is."""

    place: Place
    receivers: list[tuple[Receiver, Outages]]
    chance: random.Random
    listeners: list[Listener] = field(default_factory=list)

    async def begin(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Make the webhooks, and have everybody listen from now on."""
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            for receiver, outages in self.receivers:
                sent = {"query": CREATE, "variables": {"url": receiver.url}}
                made = (await client.post(self.place.url, json=sent)).json()
                outages.secret = made["data"]["createWebhook"]["secret"]
        async with listening(self.place.url, CHANGES) as stream:
            begin = stream.last_id
        for number in range(LISTENERS):
            connect = by_event_stream if number % 2 else by_socket
            chance = random.Random(self.chance.random())
            kinds = () if number % 5 else ("INSTALLATION",)
            self.listeners.append(Listener(self.place, connect, chance, begin, kinds))
        return [group.create_task(each.listen()) for each in self.listeners]

    async def has_heard_all(self, path: Path) -> None:
        """Wait until everybody was told of the last change for it."""
        key, all_ = cursor_key(path), recorded(path)
        for listener in self.listeners:
            await listener.has_heard(last_cursor(key, selected(listener, all_)))
        for receiver, _ in self.receivers:
            await asyncio.to_thread(_wait_for, receiver, last_cursor(key, all_))


def _wait_for(receiver: Receiver, cursor: str) -> None:
    mark = f'"cursor":"{cursor}"'.encode()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    with receiver.changed:
        while not (receiver.taken and mark in receiver.taken[-1].body):
            left = deadline - time.monotonic()
            assert receiver.changed.wait(max(0.0, left)), f"{len(receiver.taken)} messages came"


@INTERRUPTED_LISTENERS
async def test_each_change_is_told_once_and_in_order_whatever_fails(trial: Trial, tmp_path: Path):
    path, place, chance = new_registry(tmp_path / "registry.db"), Place(), random.Random(17)
    kills = KILLS if trial.rounds >= LONG else 1
    # Whoever still asks where a killed server was must not find another program there.
    flags = (*FLAGS, "--host", own_host())
    writers = Writers(place, path, tmp_path, trial.rounds)
    with ExitStack() as stack:
        receivers = []
        for _ in range(RECEIVERS if trial.rounds >= LONG else 0):
            outages = Outages(set(chance.sample(range(trial.rounds), OUTAGES)))
            receivers.append((stack.enter_context(receiving(outages.answer)), outages))
        audience = Audience(place, receivers, chance)
        async with asyncio.TaskGroup() as group:
            for kill in range(kills):
                with served(path, *flags) as (process, said):
                    one, _ = await asyncio.to_thread(workers_of, process, 2)
                    place.url = url_of(said, "/graphql")
                    if not kill:
                        tasks = await audience.begin(group)
                        writing = group.create_task(writers.write())
                    await writers.have_written(trial.rounds * (2 * kill + 1) // (2 * kills + 1))
                    os.kill(one, signal.SIGKILL)
                    await writers.have_written(trial.rounds * (2 * kill + 2) // (2 * kills + 1))
                    trial.at(writers.written)
                # Leaving kills the parent and both workers.
            with served(path, *flags) as (_, said):
                place.url = url_of(said, "/graphql")
                await writing
                written_at = time.monotonic()
                await audience.has_heard_all(path)
                trial.measured("caught up after", time.monotonic() - written_at)
                for each in tasks:
                    each.cancel()

    compare(trial, path, audience)
    assert len(writers_of(path)) >= 4
    verified = command("audit", "verify", "--database", path)
    assert verified.returncode == 0, verified.stdout
    assert sum(listener.sessions for listener in audience.listeners) > LISTENERS


def cursor_key(path: Path) -> bytes:
    with elsewhere(path) as connection:
        return bytes.fromhex(connection.execute(KEY).fetchone()[0])


def recorded(path: Path) -> list[tuple[Any, ...]]:
    with elsewhere(path) as connection:
        found: list[tuple[Any, ...]] = connection.execute(RECORDED).fetchall()
    return found


def selected(listener: Listener, changes: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Those of the changes that a listener asks for."""
    kinds = [f"{kind.lower()}s" for kind in listener.kinds]
    return [change for change in changes if not kinds or change[1] in kinds]


def last_cursor(key: bytes, changes: list[tuple[Any, ...]]) -> str:
    return sealed_sequences.seal(key, changes[-1][0], Purpose.CURSOR)


def writers_of(path: Path) -> set[str]:
    return {cause for *_, cause in recorded(path)}


def compare(trial: Trial, path: Path, audience: Audience) -> None:
    """Compare what everybody was told with the table of changes."""
    key, expected = cursor_key(path), recorded(path)
    for listener in audience.listeners:
        heard = [told(key, each) for each in listener.heard]
        compare_with(trial, selected(listener, expected), heard)
    for _, outages in audience.receivers:
        assert outages.failures == OUTAGES
        compare_with(trial, expected, [told(key, each) for each in outages.first.values()])


def compare_with(
    trial: Trial, expected: list[tuple[Any, ...]], heard: list[tuple[Any, ...]]
) -> None:
    trial.measured("lost", len(set(expected) - set(heard)))
    trial.measured("repeated", len(heard) - len(set(heard)))
    assert heard == expected


def told(key: bytes, change: dict[str, Any]) -> tuple[Any, ...]:
    """A change as it was told, in the words of the table."""
    return (
        sealed_sequences.unseal(key, change["cursor"], Purpose.CURSOR),
        f"{change['kind'].lower()}s",
        change["operation"].lower(),
        change["cause"],
    )
