"""Clients read much and long, while other clients read little and other programs write."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from db.sqlite.checkpoints import LOG_LIMITS
from tests.support.faults.declaration import Fault, Rounds, megabytes, seconds
from tests.support.faults.trial import Trial
from tests.support.registries.databases import NAMES, NOW, elsewhere, new_registry
from tests.support.running.waiting import eventually
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, served, url_of

CONNECTIONS = 150_000
HEAVY_CLIENTS = 6
BURST = 2**18
GROWN = 2 * LOG_LIMITS.busy
FILL = f"""
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,
        target_endpoint, created_at, updated_at)
    SELECT format('%08x-1111-4111-8111-111111111111', n), 'CHITTY-CONTEXT-ONE', 'context',
        'service-' || n, 'https://' || n || '.example', '{NOW}', '{NOW}' FROM numbers
"""
OWNED = (
    "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)"
    f" VALUES ('CHITTY-ACTOR-ADA', 'human', '{NOW}', '{NOW}')",
    "INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)"
    f" VALUES ('CHITTY-CONTEXT-ONE', 'one', 'CHITTY-ACTOR-ADA', '{NOW}', '{NOW}')",
)
INDEXES = "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'connections' AND sql LIKE 'CREATE INDEX%'"
# Two parts for each: as many as an operation may have.
PARTS = [{"targetEndpoint": {"contains": f"none-{number}"}} for number in range(95)]
COUNTS = " ".join(f"c{n}: connections(first: 1, filter: $f) {{ totalCount }}" for n in range(5))
HEAVY = {
    "query": f"query ($f: ConnectionFilter) {{ {COUNTS} }}",
    "variables": {"f": {"or": PARTS}},
}
SMALL = {"query": "{ contexts(first: 1) { nodes { name } } }"}

LONG_READERS = Fault(
    name="long-readers",
    done=f"{HEAVY_CLIENTS} clients look through {CONNECTIONS:,} connections again and again,"
    " while one at another address reads little and another program writes",
    holds="each small read is answered, or refused with 503 and `Retry-After`; the log is short while"
    " they go on and soon after; a snapshot of another program makes it longer, is not ended,"
    " and is warned of",
    rounds=Rounds(default=0, thorough=8, by_hand=60, called="seconds"),
    figures={
        "small read": seconds(2),
        "log": megabytes(96),
        "log beside a foreign snapshot, afterwards": megabytes(8),
    },
)


@LONG_READERS
async def test_clients_that_read_much_neither_keep_others_waiting_nor_let_the_log_grow(
    trial: Trial, tmp_path: Path
):
    path = _registry(tmp_path / "registry.db")
    with served(path, *QUIET) as (_, said):
        load = Load(url_of(said, "/graphql"))
        async with load.running(*[load.read_much] * HEAVY_CLIENTS, lambda: _write(path)):
            await load.read_little(trial, path)
        await eventually(lambda: _log_bytes(path) <= LOG_LIMITS.idle)

    assert load.small["ok"] > load.small["UNAVAILABLE"]
    assert set(load.small) <= {"ok", "UNAVAILABLE"}
    assert set(load.heavy) <= {"ok", "TIMEOUT", "UNAVAILABLE"}


@LONG_READERS
async def test_a_foreign_snapshot_is_warned_of_and_the_log_is_emptied_once_it_ends(
    trial: Trial, tmp_path: Path
):
    path = new_registry(tmp_path / "registry.db")
    with served(path, *QUIET) as (process, said):
        load = Load(url_of(said, "/graphql"))
        with elsewhere(path) as snapshot:
            snapshot.execute("BEGIN")
            before = snapshot.execute(NAMES).fetchall()
            async with load.running(lambda: _write(path)):
                await eventually(lambda: _log_bytes(path) > GROWN)
                await asyncio.sleep(2 * LOG_LIMITS.blocked_seconds)
            grown = _log_bytes(path)
            still = snapshot.execute(NAMES).fetchall()
        await eventually(lambda: _log_bytes(path) <= LOG_LIMITS.idle)
        trial.measured("log beside a foreign snapshot, afterwards", _log_bytes(path) / 2**20)
        process.terminate()
        logged = process.communicate()[1]

    assert grown > GROWN
    assert before == still
    assert logged.count("write-ahead log cannot be emptied") == 1


class Load:
    """Clients of one server, and how often each outcome came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.small: Counter[str] = Counter()
        self.heavy: Counter[str] = Counter()

    @asynccontextmanager
    async def running(self, *works: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """Meanwhile these go on."""
        tasks = [asyncio.ensure_future(work()) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in outcomes), outcomes

    async def read_much(self) -> None:
        async with _client("127.0.0.1") as client:
            while True:
                outcome = _outcome(await client.post(self.url, json=HEAVY))
                self.heavy[outcome] += 1
                if outcome == "UNAVAILABLE":
                    await asyncio.sleep(0.2)

    async def read_little(self, trial: Trial, path: Path) -> None:
        async with _client("127.0.0.2") as client:
            while not self.heavy:  # their first requests are being prepared
                await client.post(self.url, json=SMALL)
            first = time.monotonic()
            while (began := time.monotonic()) < first + trial.rounds:
                trial.at(int(began - first))
                answer = await client.post(self.url, json=SMALL)
                trial.measured("small read", time.monotonic() - began)
                trial.measured("log", _log_bytes(path) / 2**20)
                self.small[_outcome(answer)] += 1
                await asyncio.sleep(0.05)


def _client(address: str) -> httpx2.AsyncClient:
    transport = httpx2.AsyncHTTPTransport(local_address=address)
    return httpx2.AsyncClient(transport=transport, timeout=TIMEOUT_SECONDS)


def _outcome(answer: httpx2.Response) -> str:
    """`ok`, or the code of the first error; a 503 must say when to try again."""
    if answer.status_code == 503:
        assert answer.headers["retry-after"]
    errors: list[dict[str, Any]] = answer.json().get("errors", [])
    return str(errors[0]["extensions"]["code"]) if errors else "ok"


async def _write(path: Path) -> None:
    """Write some 10 MB a second, as another program does that imports."""
    for number in itertools.count():
        await asyncio.to_thread(_burst, path, number)
        await asyncio.sleep(0.025)


def _burst(path: Path, number: int) -> None:
    with elsewhere(path) as program:
        program.execute(f"PRAGMA busy_timeout = {TIMEOUT_SECONDS * 1_000}")
        program.execute("PRAGMA synchronous = OFF")
        program.execute(
            "CREATE TABLE IF NOT EXISTS bursts (number INTEGER PRIMARY KEY, bytes BLOB)"
        )
        program.execute("INSERT OR REPLACE INTO bursts VALUES (?, ?)", (number % 4, bytes(BURST)))


def _registry(path: Path) -> Path:
    """A registry with many connections, whose indexes are made at the end, which is faster."""
    new_registry(path)
    with elsewhere(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        indexes = connection.execute(INDEXES).fetchall()
        connection.execute("BEGIN")
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        for statement in OWNED:
            connection.execute(statement)
        connection.execute(FILL, {"count": CONNECTIONS})
        for _, sql in indexes:
            connection.execute(sql)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def _log_bytes(path: Path) -> int:
    log = path.with_name(f"{path.name}-wal")
    return log.stat().st_size if log.exists() else 0
