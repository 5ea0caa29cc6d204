"""How soon one listener hears of a change, and whether a thousand hear of all in a burst."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks import processes, progress, recording, registries, rows
from benchmarks.contenders import COMPILED
from benchmarks.event_streams import Stream
from benchmarks.options import Options
from benchmarks.servers import Server, post, running
from benchmarks.summary import Verdict
from benchmarks.workloads import Target, Workload

LISTENERS, BURST = 1_000, 200
MOST_OWN_MS, MOST_OTHERS_MS, MOST_MB = 20.0, 250.0, 400
SAMPLES = 20
# Not in step with a server that looks for others' changes at a fixed rate.
PAUSES = (0.037, 0.053, 0.071)
SUBSCRIPTION = """
subscription { changes { id at operation cause kind entityId before after } }
"""
USES_AT_ONCE = 100
# What is not heard by then is lost.
DEADLINE_SECONDS = 120
LIVE = replace(
    COMPILED.with_settings(max_subscriptions=str(3 * LISTENERS), peer_sockets="0"), name="live"
)
BY_ANOTHER_PROGRAM = "UPDATE connections SET error_count = error_count + 1 WHERE connection_id = ?"


def measured(options: Options, folder: Path) -> list[Verdict]:
    """The delays of single changes, then the delivery of a burst."""
    registry = registries.ordinary(min(options.scale, 0.1), folder)
    with running(LIVE, registry, folder) as server:
        return asyncio.run(_measured(server, folder))


async def _measured(server: Server, folder: Path) -> list[Verdict]:
    progress.now("one listener")
    own = median(await _delays(server, None))
    others = median(await _delays(server, folder / f"{server.name}.db"))
    progress.now(f"{LISTENERS} listeners")
    seconds, lost, peak = await _burst(server)
    what = f"{LISTENERS:,} listeners of {BURST} changes"
    return [
        Verdict(
            f"a listener hears {own:.1f} ms after a mutation's answer, {MOST_OWN_MS:g} allowed",
            own < MOST_OWN_MS,
        ),
        Verdict(
            f"a listener hears {others:.0f} ms after another program's commit, {MOST_OTHERS_MS:g} allowed",
            others < MOST_OTHERS_MS,
        ),
        Verdict(f"{what}: {lost} lost, 0 allowed, the last heard after {seconds:.1f} s", lost == 0),
        Verdict(f"{what}: {peak:.0f} MB, {MOST_MB} allowed", peak < MOST_MB),
    ]


async def _delays(server: Server, database: Path | None) -> Sequence[float]:
    """The milliseconds from a mutation's answer, or a commit by us in this database, to the event."""
    stream = await Stream.open(server, SUBSCRIPTION)
    keys = recording.active_connections(server.registry.size)
    delays = []
    for number in range(SAMPLES):
        heard = asyncio.create_task(_heard(stream))
        await asyncio.to_thread(_change, server, keys[number % len(keys)], database)
        changed = time.monotonic()
        delays.append(max(await heard - changed, 0) * 1000)
        await asyncio.sleep(PAUSES[number % len(PAUSES)])
    stream.close()
    return delays


async def _heard(stream: Stream) -> float:
    await stream.next()
    return time.monotonic()


def _change(server: Server, key: str, database: Path | None) -> None:
    if database is None:
        _use(server, [key])
        return
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(BY_ANOTHER_PROGRAM, [key])


def _use(server: Server, keys: Sequence[str]) -> None:
    variables = {"inputs": [{"connectionId": key} for key in keys]}
    asked = Workload("use", "", recording.USE, lambda _: [variables], Target(1, {}))
    (body,) = asked.bodies(server.registry.size)
    post(server, asked, body)


async def _burst(server: Server) -> tuple[float, int, float]:
    """The seconds from the first mutation to the last event, the events that are missing, and the memory."""
    streams = [await Stream.open(server, SUBSCRIPTION) for _ in range(LISTENERS)]
    processes.reset_peak(server.pid)
    listening = [asyncio.create_task(_count(stream)) for stream in streams]
    started = time.monotonic()
    keys = [rows.uuid("connection", place * 20) for place in range(USES_AT_ONCE)]
    for _ in range(BURST // USES_AT_ONCE):
        await asyncio.to_thread(_use, server, keys)
    heard = await asyncio.gather(*listening)
    seconds = time.monotonic() - started
    for stream in streams:
        stream.close()
    return seconds, LISTENERS * BURST - sum(heard), processes.peak_mb(server.pid)


async def _count(stream: Stream) -> int:
    """How many different changes it tells of, out of as many as the burst has."""
    heard = set[str]()
    with suppress(TimeoutError):
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(heard) < BURST:
                heard.add((await stream.next())["data"]["changes"]["id"])
    return len(heard)
