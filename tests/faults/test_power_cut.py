"""The power fails: files hold what was synced, and any part of what was written since."""

import asyncio
import os
import random
import re
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from db.migrating import migrator
from tests.support.faults import power_cuts
from tests.support.faults.declaration import Fault, Rounds, count
from tests.support.faults.trial import Trial
from tests.support.registries.databases import adding, elsewhere, new_registry, opened
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, UNHURRIED, served, url_of

CLIENTS = 4
REGISTER = """
    mutation ($input: RegisterActorInput!) { registerActor(input: $input) { actor { chittyId } } }
"""
CHITTY_ID = re.compile(rb"CHITTY-ACTOR-[A-Z]+")
PAGE = 4096
FRAME = PAGE + 24

POWER_CUT = Fault(
    name="power-cut",
    done="power cut under 4 writing clients: unsynced sectors are lost, kept or mixed",
    holds="every response to a mutation leaves after an `fsync` of what it says; at any moment the database"
    " boots, is sound and has all that was acknowledged",
    rounds=Rounds(default=10, thorough=200, by_hand=1000, called="cuts"),
    figures={"lost": count(0)},
)
TORN_WAL = Fault(
    name="torn-wal",
    done="the WAL is cut off, overwritten with garbage or changed by a bit, anywhere",
    holds="the database boots, is sound and has the acknowledged writes up to some moment, in their order",
    rounds=Rounds(default=10, thorough=200, by_hand=1000, called="damages"),
)


@POWER_CUT
async def test_a_power_cut_loses_nothing_that_was_acknowledged(trial: Trial, tmp_path: Path):
    path = new_registry(tmp_path / "registry.db")
    disk = power_cuts.Disk.of(path)
    writes, luck = max(20, trial.rounds), random.Random(trial.rounds)
    calls = list(power_cuts.calls(await traced(path, writes)))
    responses = power_cuts.responses(calls, CHITTY_ID)
    cuts = Counter(
        luck.choices(
            [*range(len(calls)), *luck.choices([*responses], k=len(calls))], k=trial.rounds
        )
    )
    told: set[bytes] = set()

    for place, call in enumerate(calls):
        disk.take(call)
        for chitty_id in responses.get(place, ()):
            assert disk.surely_holds(chitty_id), f"{chitty_id.decode()} was told before its fsync"
            told.add(chitty_id)
        for _ in range(cuts[place]):
            trial.at(sum(count for earlier, count in cuts.items() if earlier < place))
            left = disk.after_a_cut(luck, kept=luck.choice([0, 0.5, 0.9, 1]))
            found = booted(left, tmp_path / "cut")
            trial.measured("lost", len({each.decode() for each in told} - set(found)))

    assert len(told) == writes


@TORN_WAL
async def test_a_damaged_wal_opens_to_the_first_of_the_acknowledged_writes(
    trial: Trial, tmp_path: Path
):
    written = [f"actor-{number:03}" for number in range(40)]
    async with opened(tmp_path / "registry.db") as db:
        for name in written:
            await db.write(adding(name))
        names = ("registry.db", "registry.db-wal")
        files = {name: (tmp_path / name).read_bytes() for name in names}
    luck = random.Random(trial.rounds)

    kept = set()
    for _ in trial.each_round():
        torn = damaged(files["registry.db-wal"], luck)
        found = booted(files | {"registry.db-wal": torn}, tmp_path / "torn")

        assert found == written[: len(found)]
        kept.add(len(found))

    assert len(kept) > 1


async def traced(path: Path, writes: int) -> Path:
    """Register actors at a server until it is killed, and return what strace saw of it."""
    if not shutil.which("strace"):
        pytest.skip("strace is missing: install it, on Debian and Ubuntu with apt install strace")
    trace = path.with_name("trace")
    with served(path, *QUIET, *UNHURRIED, under=power_cuts.strace(trace)) as (process, said):
        url, numbers = url_of(said, "/graphql"), iter(range(writes))
        await asyncio.gather(*(register(url, numbers) for _ in range(CLIENTS)))
        os.kill(child_of(process.pid), signal.SIGKILL)
        process.wait(TIMEOUT_SECONDS)
    return trace


def child_of(pid: int) -> int:
    """The process that strace started."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


async def register(url: str, numbers: Iterator[int]) -> None:
    """Register actors one after the other; the numbers are shared by all clients."""
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        for number in numbers:
            chitty_id = (
                f"CHITTY-ACTOR-X{str(number).translate(str.maketrans('0123456789', 'ABCDEFGHIJ'))}X"
            )
            given = {"chittyId": chitty_id, "actorType": "HUMAN", "displayName": "Ada"}
            sent = {"query": REGISTER, "variables": {"input": given}}
            answer = (await client.post(url, json=sent)).json()
            assert answer == {"data": {"registerActor": {"actor": {"chittyId": chitty_id}}}}


def damaged(wal: bytes, luck: random.Random) -> bytes:
    """The WAL with one damage at a random place."""
    place = luck.randrange(len(wal))
    match luck.randrange(4):
        case 0:
            return wal[:place]
        case 1:
            return wal[:place] + luck.randbytes(PAGE) + wal[place + PAGE :]
        case 2:
            return wal[:place] + bytes(FRAME) + wal[place + FRAME :]
        case _:
            return wal[:place] + bytes([wal[place] ^ 1 << luck.randrange(8)]) + wal[place + 1 :]


def booted(files: dict[str, bytes], folder: Path) -> list[str]:
    """The actors in these files, oldest first, after they booted; they must be sound."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    path = folder / "registry.db"
    assert migrator.migrate(path) == []
    with elsewhere(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [each for (each,) in connection.execute("SELECT chitty_id FROM actors ORDER BY 1")]
