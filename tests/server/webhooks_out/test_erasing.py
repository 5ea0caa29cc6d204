"""A person is erased while a receiver answers: what it repeats of the person is not kept."""

import time
from pathlib import Path

import pytest

from tests.support.other_programs.webhook_receiver import Received, Reply, receiving
from tests.support.services.commands import command
from tests.support.services.outgoing import (
    REPLAY,
    Clock,
    delivering,
    made,
    quiet,
    registered,
    until,
)

NAME = "Wilhelmina Ostrander"
LATER = 2 * 24 * 3_600

pytestmark = pytest.mark.files_only("beside a server, erase changes files")


class Repeating:
    """Refuses each message with its very text; of those named by `erase_at`, after the person was erased."""

    def __init__(self, file: Path, erase_at: int) -> None:
        self.file = file
        self.person = ""
        self.left = erase_at

    def __call__(self, received: Received) -> Reply:
        self.left -= 1
        if self.left == 0:
            ran = command("erase", self.person, "--yes", "--database", self.file)
            assert ran.returncode == 0, ran.stderr
        return Reply(422, {}, received.body[received.body.index(b'"displayName"') :])


def kept(webhook: dict) -> str:
    return str([webhook["lastError"], *webhook["deliveries"]["nodes"]])


async def test_words_about_a_person_who_was_erased_meanwhile_are_not_kept(tmp_path: Path):
    repeating = Repeating(tmp_path / "registry.db", erase_at=1)
    with receiving(repeating) as receiver:
        async with quiet(tmp_path / "registry.db") as api:
            await made(api, receiver.url, kinds=["ACTOR"], operations=["CREATED"])
            (repeating.person,) = await registered(api, NAME)
            async with delivering(api, time.time):
                found = await until(api, lambda each: each["failedAttempts"] == 1)

    (delivery,) = found["deliveries"]["nodes"]
    assert NAME in receiver.received[0].body.decode()
    assert "Wilhelmina" not in kept(found)
    assert (delivery["responseStatus"], delivery["excerpt"]) == (422, None)
    assert "erased meanwhile" in delivery["error"]
    assert "erased meanwhile" in found["lastError"]


async def test_of_what_is_replayed_neither(tmp_path: Path):
    repeating, clock = Repeating(tmp_path / "registry.db", erase_at=3), Clock()
    with receiving(repeating) as receiver:
        async with quiet(tmp_path / "registry.db") as api:
            await made(api, receiver.url, kinds=["ACTOR"], operations=["CREATED"])
            (repeating.person,) = await registered(api, NAME)
            async with delivering(api, clock):
                await until(api, lambda each: each["failedAttempts"] == 1)
            clock.now += LATER
            async with delivering(api, clock):
                dead = await until(
                    api, lambda each: each["deliveries"]["nodes"][0]["status"] == "DEAD"
                )
                await api.ask(REPLAY, id=dead["deliveries"]["nodes"][0]["id"])
                found = await until(
                    api, lambda each: each["deliveries"]["nodes"][0]["attempts"] == 3
                )

    assert "Wilhelmina" in kept(dead)
    assert "Wilhelmina" not in kept(found)
    assert "erased meanwhile" in found["deliveries"]["nodes"][0]["error"]
