"""The disk is full, while the server writes and while commands do."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from db.migrating import ledger, migrator
from server.endpoints.github_webhooks import PATH
from tests.support.faults.declaration import Fault, Rounds, count
from tests.support.faults.full_disks import SmallDisk, small_disk
from tests.support.faults.trial import Trial
from tests.support.other_programs.github_payloads import SECRET, signature
from tests.support.registries.databases import NOW, elsewhere, new_registry
from tests.support.requests.event_streams import listening
from tests.support.services.commands import command, complaint
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, UNHURRIED, served, url_of

REGISTER = """
    mutation ($input: RegisterActorInput!) {
        registerActor(input: $input) { actor { chittyId } errors { code path message } }
    }
"""
LISTEN = "subscription { changes { entity { ... on Actor { chittyId } } } }"
COUNT = "{ actors { totalCount } }"
# More than an empty WAL has room for.
MANY = f"""
    WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 2000)
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
    SELECT printf('CHITTY-ACTOR-%05d', n), 'human', '{NOW}', '{NOW}' FROM up
"""
OLDER = 6  # migrations
NO_FLOOR = ("--min-free-mb", "0")
MOST = 5000  # writes, which take more than the space that a WAL keeps
ENOUGH = 2**22

FULL_DISK = Fault(
    name="full-disk",
    done="the disk is full while clients write, and while `migrate`, `backup` and `import` do",
    holds="mutations are refused with `UNAVAILABLE` and webhooks with 503, reads go on,"
    " listeners miss nothing, `audit verify` finds nothing; a command fails"
    " with one line and leaves the registry as it was and no half of a backup; all works once there is space",
    rounds=Rounds(default=1, thorough=10, by_hand=100, called="times"),
    figures={"lost": count(0)},
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


@FULL_DISK
def test_writes_are_unavailable_while_the_disk_is_full_and_reads_go_on(
    trial: Trial, disk: SmallDisk
):
    path = new_registry(disk.folder / "registry.db")
    flags = (*NO_FLOOR, *UNHURRIED, "--github-webhook-secret", SECRET)
    acknowledged: set[str] = set()

    with (
        served(path, *QUIET, *flags) as (process, said),
        httpx2.Client(base_url=url_of(said, ""), timeout=TIMEOUT_SECONDS) as client,
    ):
        for round_ in trial.each_round():
            acknowledged.add(registered(client))
            disk.fill(process.pid)
            refused = fill_up(client, acknowledged)
            assert (refused["code"], refused["path"]) == ("UNAVAILABLE", ["input"])
            deliver_until_full(client, round_)
            seen = client.post("/graphql", json={"query": COUNT}).json()
            assert seen == {"data": {"actors": {"totalCount": len(acknowledged)}}}
            assert client.get("/healthz").status_code == 200
            disk.clear(process.pid)
            assert delivered(client, f"last-{round_}").status_code == 200
            acknowledged.add(registered(client))

    trial.measured("lost", len(acknowledged - set(names(path))))
    assert command("audit", "verify", "--database", path).returncode == 0


@FULL_DISK
async def test_listeners_hear_of_what_was_written_before_and_after_the_disk_was_full(
    trial: Trial, disk: SmallDisk
):
    path = new_registry(disk.folder / "registry.db")
    acknowledged: set[str] = set()
    heard: list[str] = []

    with (
        served(path, *QUIET, *NO_FLOOR, *UNHURRIED) as (process, said),
        httpx2.Client(base_url=url_of(said, ""), timeout=TIMEOUT_SECONDS) as client,
    ):
        for _ in trial.each_round():
            async with listening(url_of(said, "/graphql"), LISTEN) as stream:
                disk.fill(process.pid)
                await asyncio.to_thread(fill_up, client, acknowledged)
                disk.clear(process.pid)
                acknowledged.add(await asyncio.to_thread(registered, client))
                while len(heard) < len(acknowledged):
                    entity = (await stream.next())["data"]["changes"]["entity"]
                    heard.append(entity["chittyId"])

    assert len(heard) == len(set(heard))
    trial.measured("lost", len(acknowledged - set(heard)))
    assert set(heard) == set(names(path))


@FULL_DISK
def test_a_migration_without_space_leaves_the_registry_as_it_was(
    trial: Trial, disk: SmallDisk, tmp_path: Path
):
    older = tmp_path / "older"
    older.mkdir()
    for file in sorted(ledger.MIGRATIONS.glob("*.sql"))[:OLDER]:
        shutil.copy(file, older)

    refusals = 0
    for round_ in trial.each_round():
        path = disk.folder / f"registry-{round_}.db"
        migrator.migrate(path, older)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(MANY)
        before = names(path)
        done = disk.run("migrate", "--database", path, left=left(round_, trial))
        refusals += done.returncode
        if done.returncode:
            assert str(path) in complaint(done)
        assert names(path) == before
        migrator.migrate(path)
        assert (names(path), migrator.pending(path)) == (before, [])
        path.unlink()

    assert refusals


@FULL_DISK
def test_a_backup_without_space_leaves_nothing(trial: Trial, disk: SmallDisk, tmp_path: Path):
    path, copy = new_registry(tmp_path / "registry.db"), disk.folder / "copy.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(MANY)

    for round_ in trial.each_round():
        done = disk.run("backup", copy, "--database", path, left=left(round_, trial) // 4)
        assert "room" in complaint(done)
        assert list(disk.folder.iterdir()) == []
        assert disk.run("backup", copy, "--database", path, left=ENOUGH).returncode == 0
        assert names(copy) == names(path)
        copy.unlink()


@FULL_DISK
def test_an_import_without_space_changes_nothing(trial: Trial, disk: SmallDisk, tmp_path: Path):
    rows = tmp_path / "rows.jsonl"
    with rows.open("w") as file:
        for number in range(500):
            row = {"chitty_id": f"CHITTY-ACTOR-{number:06}-AAAA", "actor_type": "human"}
            file.write(json.dumps(row | {"type": "actors"}) + "\n")

    for round_ in trial.each_round():
        path = new_registry(disk.folder / "registry.db")
        done = disk.run("import", rows, "--database", path, *NO_FLOOR, left=left(round_, trial))
        assert complaint(done)
        assert names(path) == []
        done = disk.run("import", rows, "--database", path, *NO_FLOOR, left=2 * ENOUGH)
        assert (done.returncode, len(names(path))) == (0, 500), done.stderr
        path.unlink()


def left(round_: int, trial: Trial) -> int:
    """How much space there is, round by round: from none to nearly enough."""
    return round_ * 300_000 // trial.rounds


def names(path: Path) -> list[str]:
    """The actors of a registry, which must be sound."""
    with elsewhere(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [each for (each,) in connection.execute("SELECT chitty_id FROM actors ORDER BY 1")]


def register(client: httpx2.Client) -> Any:
    given = {"actorType": "HUMAN", "displayName": "x" * 200}
    sent = {"query": REGISTER, "variables": {"input": given}}
    return client.post("/graphql", json=sent).json()["data"]["registerActor"]


def registered(client: httpx2.Client) -> str:
    payload = register(client)
    assert payload["errors"] == []
    return str(payload["actor"]["chittyId"])


def fill_up(client: httpx2.Client, acknowledged: set[str]) -> Any:
    """Write into the space that files still have, and return the first error."""
    for _ in range(MOST):
        payload = register(client)
        if payload["actor"] is None:
            return payload["errors"][0]
        acknowledged.add(payload["actor"]["chittyId"])
    raise AssertionError(f"{MOST} writes fit on a full disk")


def deliver_until_full(client: httpx2.Client, round_: int) -> None:
    """Deliver webhooks until one is refused: a checkpoint may have made space meanwhile."""
    for number in range(MOST):
        status = delivered(client, f"{round_}-{number}").status_code
        if status == 503:
            return
        assert status == 200
    raise AssertionError(f"{MOST} deliveries fit on a full disk")


def delivered(client: httpx2.Client, name: str) -> httpx2.Response:
    body = json.dumps({"zen": "", "hook_id": 1, "hook": {}}).encode()
    headers = {
        "content-type": "application/json",
        "x-github-event": "ping",
        "x-github-delivery": name,
        "x-hub-signature-256": signature(body),
    }
    return client.post(PATH, content=body, headers=headers)
