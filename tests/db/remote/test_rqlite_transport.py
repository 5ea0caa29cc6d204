"""Batches to one real node of rqlite: what is stored, what comes back, and what fails."""

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from db import database_url
from db.consistency import NOW, At, Level
from db.errors import (
    EngineError,
    EngineLimit,
    OutcomeUnknown,
    PartlyApplied,
    ReadTimeout,
    Unavailable,
)
from db.migrating import ledger
from db.open_database import open_transport
from db.program import Rows
from db.remote.applied_writes import Attempt
from db.remote.http_client import HttpClient
from db.remote.rqlite import requests
from db.remote.rqlite.transport import RqliteTransport
from db.remote.transport import Bound
from tests.support.other_programs import rqlite
from tests.support.other_programs.rqlite import Account, Cluster

SECONDS = 60.0
pytestmark = pytest.mark.waits
numbers = itertools.count()

(APPLIED_WRITES,) = (
    each for each in ledger.load(ledger.MIGRATIONS) if each.name.endswith("_keep_writes_over_http")
)


class Table:
    """A new table, with a number and a text that is unique."""

    def __init__(self, transport: RqliteTransport) -> None:
        self.transport = transport
        self.name = f"t{next(numbers)}"

    async def create(self) -> None:
        text = f"CREATE TABLE {self.name} (id INTEGER PRIMARY KEY, text TEXT UNIQUE)"
        assert await self.transport.migrate([Bound(text, {})])

    def insert(self, id: int, text: Any) -> Bound:  # noqa: A002
        return Bound(f"INSERT INTO {self.name} VALUES (:id, :text)", {"id": id, "text": text})

    async def write(self, *batch: Bound) -> list[Rows]:
        return await self.transport.send(batch, write=True, at=NOW, seconds=SECONDS)

    async def rows(self) -> Rows:
        return await read(self.transport, f"SELECT id, text FROM {self.name} ORDER BY id")


async def read(transport: RqliteTransport, sql: str, at: At = NOW, **bind: Any) -> Rows:
    (rows,) = await transport.send([Bound(sql, bind)], write=False, at=at, seconds=SECONDS)
    return rows


def transport_to(url: str) -> RqliteTransport:
    transport = open_transport(database_url.parse(url))
    assert isinstance(transport, RqliteTransport)
    return transport


@pytest_asyncio.fixture
async def transport(one_node: Cluster) -> AsyncIterator[RqliteTransport]:
    made = transport_to(one_node.url)
    yield made
    await made.close()


@pytest_asyncio.fixture(params=["short", "long"])
async def table(
    transport: RqliteTransport, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Table]:
    """A table; statements that write to it are sent as short ones, or as long ones are."""
    made = Table(transport)
    await made.create()
    if request.param == "long":
        monkeypatch.setattr(requests, "SHORT", 0)
        requests.compiled_once.cache_clear()
        text = "CREATE TABLE IF NOT EXISTS applied_writes (number INTEGER PRIMARY KEY)"
        await transport.migrate([Bound(text, {})])
    yield made
    requests.compiled_once.cache_clear()


def test_a_long_statement_comes_second_unless_the_first_would_change_what_it_asks_for():
    columns = ", ".join(f"column_{number}" for number in range(20))
    written = [
        f"INSERT INTO t ({columns}) VALUES (1)",
        f"\n  UPDATE t SET ({columns}) = (1)",
        f"delete FROM t WHERE ({columns}) = 1",
    ]
    read = [f"SELECT {columns} FROM t", f"\n select {columns} WHERE changes() > 0"]
    others = [
        "INSERT INTO t VALUES (1)",
        "SELECT * FROM t",
        f"UPDATE t SET ({columns}) = 1 WHERE changes () > 0",
        f"UPDATED t SET ({columns}) = 1",
    ]

    assert [requests.compiled_once(each) for each in written] == [
        requests.CHEAP_WRITE + each for each in written
    ]
    assert [requests.compiled_once(each) for each in read] == [
        requests.CHEAP_READ + each for each in read
    ]
    assert [requests.compiled_once(each) for each in others] == others


async def test_a_batch_that_writes_is_stored_and_answers_what_it_wrote(table: Table):
    written = Bound(
        f"SELECT id, text FROM {table.name} WHERE id = :id AND changes() > 0", {"id": 1}
    )

    results = await table.write(table.insert(1, "Ada"), written, table.insert(2, None), written)

    assert results == [[], [(1, "Ada")], [], [(1, "Ada")]]
    assert await table.rows() == [(1, "Ada"), (2, None)]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda table: table.insert(3, "Ada"),
        lambda table: Bound(f"INSERT INTO {table.name} VALUES (9, 'Ada') RETURNING id", {}),
        lambda table: Bound("INSERT INTO no_such_table VALUES (1)", {}),
        lambda table: Bound("SELECT no_such_column", {}),
        lambda table: Bound("SELECT json('{')", {}),
        lambda table: Bound(f"UPDATE {table.name} SET id = abs(-9223372036854775808)", {}),
        lambda table: Bound("INSERT INTO", {}),
        lambda table: Bound(f"SELECT {'(' * 1_200}1{')' * 1_200}", {}),
    ],
    ids=[
        "conflict",
        "returning",
        "no table",
        "no column",
        "no JSON",
        "overflow",
        "no SQL",
        "too deep",
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_nothing_of_a_batch_is_stored_if_a_statement_fails(
    table: Table, wrong: Callable[[Table], Bound], place: int
):
    await table.write(table.insert(1, "Ada"))
    batch = [table.insert(4, "Grace"), table.insert(5, "Edsger")]
    batch.insert(place, wrong(table))

    with pytest.raises((EngineError, EngineLimit)):
        await table.write(*batch)

    assert await table.rows() == [(1, "Ada")]


async def test_what_ceases_to_compile_once_it_was_compiled_is_told_from_what_fails(
    transport: RqliteTransport, one_node: Cluster
):
    kept, dropped = Table(transport), Table(transport)
    await kept.create()
    await dropped.create()
    last = Bound("SELECT 1", {})
    await kept.write(kept.insert(1, "Ada"), dropped.insert(1, "Ada"), last)
    one_node.leader().execute(f"DROP TABLE {dropped.name}")

    with pytest.raises(PartlyApplied):  # as it has no guard, whose schema is looked at
        await kept.write(kept.insert(2, "Grace"), dropped.insert(2, "Grace"), last)

    assert await kept.rows() == [(1, "Ada"), (2, "Grace")]  # which must not be sent again


async def test_a_guarded_batch_stores_nothing_once_one_of_its_statements_ceases_to_compile(
    transport: RqliteTransport, one_node: Cluster
):
    kept, dropped = Table(transport), Table(transport)
    await kept.create()
    await dropped.create()
    tables = (ledger.CREATE, "DROP TABLE IF EXISTS applied_writes", *APPLIED_WRITES.statements())
    one_node.leader().execute(*tables)
    written = [Attempt.new().guard(), kept.insert(1, "Ada"), dropped.insert(1, "Ada")]
    assert await kept.write(*written) == [[], [], []]
    one_node.leader().execute(f"DROP TABLE {dropped.name}")

    with pytest.raises(EngineError, match="no such table"):
        await kept.write(Attempt.new().guard(), kept.insert(2, "Grace"), dropped.insert(2, "Grace"))

    assert await kept.rows() == [(1, "Ada")]
    assert await kept.write(Attempt.new().guard(), kept.insert(3, "Edsger")) == [[], []]
    one_node.leader().execute("DROP TABLE applied_writes")


async def test_each_statement_is_told_what_the_one_before_it_changed(table: Table):
    changed = f"UPDATE {table.name} SET text = text || :more WHERE id = 1 AND changes() > 0"
    nothing = Bound(f"DELETE FROM {table.name} WHERE id = :id", {"id": 7})

    await table.write(
        table.insert(1, "Ada"),
        Bound(changed, {"more": " King"}),
        nothing,
        Bound(changed, {"more": "?"}),
    )

    assert await table.rows() == [(1, "Ada King")]


async def test_an_error_names_the_statement_and_says_what_sqlite_says(table: Table):
    with pytest.raises(EngineError, match=r"statement 2: UNIQUE constraint failed: t\d+\.text$"):
        await table.write(table.insert(1, "Ada"), table.insert(2, "Ada"))


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (f"SELECT {'(' * 1_200}1{')' * 1_200}", "parser stack overflow"),
        (f"SELECT {'+'.join('1' * 1_200)}", "Expression tree is too large"),
        (f"SELECT 1 IN ({','.join('?' * 33_000)})", "too many SQL variables"),
        ("SELECT zeroblob(2000000000)", "string or blob too big"),
        (" UNION ALL ".join(["SELECT 1"] * 600), "too many terms in compound SELECT"),
    ],
)
async def test_what_the_engine_cannot_run_is_refused_in_its_name(
    transport: RqliteTransport, sql: str, words: str
):
    with pytest.raises(EngineLimit, match=f"^rqlite .*{words}"):
        await read(transport, sql)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "Ada",
            "x'41'",
            "X'41'",
            " x'41'\n",
            "x''",
            "x'4",
            "it's",
            "é\u2028🎈",
            "a\0b",
            '"',
            "\\",
            "1",
        ),
        *(0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63), None, 1.5, 2.0, 1e300, -0.5),
    ],
)
async def test_a_value_comes_back_as_it_was_sent(table: Table, value: Any):
    await table.write(table.insert(1, value))

    sql = (
        f"SELECT :value, text FROM {table.name} WHERE text IS :value AND 'x :value' <> '' -- :value"
    )
    ((sent, stored),) = await read(table.transport, sql, value=value)

    assert (sent, type(sent)) == (value, type(value))
    assert stored == (None if value is None else stored_as_text(value))
    (kind,) = await read(table.transport, f"SELECT typeof(text) FROM {table.name}")
    assert kind == ("null" if value is None else "text",)


def stored_as_text(value: Any) -> str:
    return value if isinstance(value, str) else {1e300: "1.0e+300"}.get(value, str(value))


@pytest.mark.parametrize("value", [b"x", math.inf, -math.inf, math.nan, 2**63, -(2**63) - 1])
async def test_a_value_that_rqlite_cannot_hold_is_refused_before_it_is_sent(
    table: Table, value: Any
):
    with pytest.raises(EngineLimit, match="rqlite"):
        await table.write(table.insert(1, "Ada"), table.insert(2, value))

    assert await table.rows() == []


async def test_a_read_writes_nothing(table: Table):
    with pytest.raises(EngineError, match="attempt to change database"):
        await read(table.transport, f"INSERT INTO {table.name} VALUES (1, 'Ada')")

    assert await table.rows() == []


async def test_an_infinite_number_is_an_error_of_the_read(transport: RqliteTransport):
    with pytest.raises(EngineError, match="rqlite cannot answer this"):
        await read(transport, "SELECT 1e300 * 1e300")


@pytest.mark.parametrize("level", Level)
async def test_a_read_at_each_level_sees_one_snapshot(table: Table, level: Level):
    await table.write(table.insert(1, "Ada"))
    count = f"SELECT count(*) FROM {table.name}"

    found = await table.transport.send(
        [Bound(count, {}), Bound("SELECT 1", {}), Bound(count, {})],
        write=False,
        at=At(level, freshness=60.0),
        seconds=SECONDS,
    )

    assert found == [[(1,)], [(1,)], [(1,)]]


async def test_a_read_ends_in_time(transport: RqliteTransport):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"

    ended = []
    for seconds in (0.3, 3, 30):  # a busy node may not tell in time that it has ended a read
        with pytest.raises(Unavailable, match="rqlite") as raised:
            await transport.send([Bound(endless, {})], write=False, at=NOW, seconds=seconds)
        ended.append(raised.type)
        if raised.type is ReadTimeout:
            break

    assert ended[-1] is ReadTimeout


async def test_a_migration_is_run_once(transport: RqliteTransport):
    ledger, name = f"ledger{next(numbers)}", f"made{next(numbers)}"
    await transport.migrate([Bound(f"CREATE TABLE {ledger} (name TEXT PRIMARY KEY)", {})])
    batch = [
        Bound(f"INSERT INTO {ledger} VALUES (:name)", {"name": "one"}),
        Bound(f"CREATE TABLE {name} (number INTEGER)", {}),
        Bound(f"INSERT INTO {name} VALUES (1)", {}),
    ]

    ran = await asyncio.gather(*(transport.migrate(batch) for _ in range(3)))

    assert sorted(ran) == [False, False, True]
    assert await read(transport, f"SELECT count(*) FROM {name}") == [(1,)]


async def test_a_migration_that_fails_names_the_statement_and_leaves_nothing(
    transport: RqliteTransport,
):
    name = f"made{next(numbers)}"
    batch = [
        Bound(f"CREATE TABLE {name} (number INTEGER)", {}),
        Bound("INSERT INTO no_such_table VALUES (1)", {}),
        Bound(f"INSERT INTO {name} VALUES (1)", {}),
    ]

    with pytest.raises(EngineError, match="statement 2: no such table: no_such_table"):
        await transport.migrate(batch)

    with pytest.raises(EngineError, match="no such table"):
        await read(transport, f"SELECT * FROM {name}")


async def test_status_tells_of_the_size_and_warns_where_the_version_is_unknown(
    transport: RqliteTransport,
):
    found = await transport.status(SECONDS)

    assert found.version is None
    assert found.warning is not None
    assert "10.7 or newer" in found.warning
    assert found.bytes_on_disk > 0


@pytest.mark.parametrize("password", ["wr0ng", ""])
async def test_a_wrong_password_is_said_and_never_shown(one_node: Cluster, password: str):
    host = one_node.nodes[0].address
    transport = RqliteTransport((f"http://{host}",), "registry", password)
    try:
        with pytest.raises(Unavailable, match="refuses the user or the password") as read_error:
            await read(transport, "SELECT 1")
        with pytest.raises(Unavailable, match="refuses the user or the password") as status_error:
            await transport.status(SECONDS)
    finally:
        await transport.close()

    for error in (read_error, status_error):
        assert not password or password not in str(error.getrepr(chain=True, style="short"))


async def test_a_node_that_speaks_tls_is_reached_if_its_certificate_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with rqlite.cluster(tmp_path, account=Account(), tls=True) as cluster:
        assert cluster.url.startswith("rqlites://")
        stranger, friend = transport_to(cluster.url), transport_to(cluster.url)
        try:
            with pytest.raises(Unavailable, match=r"rqlite .*SSLCertVerificationError"):
                await stranger.send([Bound("SELECT 1", {})], write=False, at=NOW, seconds=1.0)
            monkeypatch.setattr(HttpClient, "_context", lambda _: cluster.nodes[0].trust)
            assert await read(friend, "SELECT 1") == [(1,)]
        finally:
            await stranger.close()
            await friend.close()


async def test_a_write_whose_answer_is_lost_may_have_been_stored(tmp_path: Path):
    with rqlite.cluster(tmp_path) as cluster:
        (node,) = cluster.nodes
        transport = transport_to(cluster.url)
        table = Table(transport)
        try:
            await table.create()
            await table.write(table.insert(1, "Ada"))
            node.pause()

            with pytest.raises(OutcomeUnknown, match="hangs"):
                await table.write(table.insert(2, "Grace"))

            node.resume()
            assert (1, "Ada") in await table.rows()
        finally:
            await transport.close()


async def test_where_no_node_answers_nothing_is_stored(tmp_path: Path):
    with rqlite.cluster(tmp_path, account=Account()) as cluster:
        transport = transport_to(cluster.url)
        try:
            assert await read(transport, "SELECT 1") == [(1,)]
            cluster.nodes[0].kill()
            for level in Level:
                with pytest.raises(Unavailable, match="rqlite") as error:
                    await transport.send(
                        [Bound("SELECT 1", {})], write=False, at=At(level), seconds=0.5
                    )
                assert type(error.value) is Unavailable
                assert "a pass" not in str(error.getrepr(chain=True))
            with pytest.raises(Unavailable) as error:
                await transport.send([Bound("SELECT 1", {})], write=True, at=NOW, seconds=0.5)
            assert type(error.value) is Unavailable
        finally:
            await transport.close()
