"""More clients than the server can serve send mixed requests, and never wait before they ask again."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2

from tests.support.faults.declaration import Fault, Rounds, count, megabytes, seconds
from tests.support.faults.trial import Trial
from tests.support.registries.databases import elsewhere
from tests.support.requests import crowd
from tests.support.services.prometheus import Scraped
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, served, url_of

CLIENTS, CLIENTS_BY_HAND = 300, 1_800
# So few clients are too many only if each soon has its turn.
SHORT_WAIT = ("--wait-seconds", "0.02")
WARM_UP = 8, 4.0  # clients, and seconds
PROBES = ("/healthz", "/readyz", "/metrics")
SMALL = {"query": crowd.SMALL}

OVERLOAD = Fault(
    name="overload",
    done=f"{CLIENTS_BY_HAND:,} clients send reads and writes as fast as they are answered"
    f" ({CLIENTS} of them in short runs), which is many times what the server can do",
    holds="each is answered in time, or refused with 503 and `Retry-After`; `/healthz`, `/readyz` and"
    " `/metrics` are answered throughout; no acknowledged write is lost",
    rounds=Rounds(default=0, thorough=5, by_hand=60, called="seconds"),
    figures={
        "answer, 99th percentile": seconds(2),
        "refusal, median": seconds(),
        "memory": megabytes(50),
        "normal again": seconds(5),
        "lost": count(0),
    },
)


@OVERLOAD
async def test_what_the_server_cannot_do_in_time_it_refuses(trial: Trial, tmp_path: Path):
    path = tmp_path / "registry.db"
    flags = QUIET if trial.by_hand else (*QUIET, *SHORT_WAIT)
    with served(path, "--demo", *flags) as (process, said):
        url = url_of(said, "/graphql")
        before = await crowd.send(url, *WARM_UP)
        memory = resident(process.pid, "VmRSS")

        sending = asyncio.ensure_future(
            crowd.send(url, CLIENTS_BY_HAND if trial.by_hand else CLIENTS, trial.rounds)
        )
        probes = await probed_until(sending, url, trial)
        found = await sending
        trial.measured("normal again", await until_normal(url))
        trial.measured("memory", resident(process.pid, "VmHWM") - memory)
        scraped = Scraped.of(url_of(said, "/metrics"))

    statuses = found["statuses"]
    trial.measured("answer, 99th percentile", statuses["200"]["p99"])
    trial.measured("refusal, median", statuses["503"]["median"])
    acknowledged = {*before["acknowledged"], *found["acknowledged"]}
    trial.measured("lost", len(acknowledged - registered(path)))
    assert set(statuses) == {"200", "503"}
    assert found["lost"] == found["without_retry_after"] == 0
    assert set(probes) == {200}
    assert acknowledged
    refused = scraped.total("chittygraph_requests_refused_total", lane="requests")
    refused += scraped.total("chittygraph_reads_refused_total")
    assert refused >= statuses["503"]["count"]


async def probed_until(sending: asyncio.Future[Any], url: str, trial: Trial) -> Counter[int]:
    """The statuses of what a supervisor asks meanwhile, on new connections."""
    statuses: Counter[int] = Counter()
    began = time.monotonic()
    while not sending.done():
        for path in PROBES:
            async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
                probe = await client.get(url.replace("/graphql", path))
                statuses[probe.status_code] += 1
        trial.at(min(int(time.monotonic() - began), trial.rounds))
        await asyncio.wait([sending], timeout=0.5)
    return statuses


async def until_normal(url: str) -> float:
    """How long it takes until a client like any other is served."""
    began = time.monotonic()
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        while (await client.post(url, json=SMALL)).status_code != 200:
            pass
    return time.monotonic() - began


def resident(pid: int, name: str) -> float:
    """The memory of a process: `VmRSS` now, `VmHWM` at most, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (kib,) = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return int(kib) * 1024 / 1_000_000


def registered(path: Path) -> set[str]:
    with elsewhere(path) as connection:
        return {name for (name,) in connection.execute("SELECT display_name FROM actors")}
