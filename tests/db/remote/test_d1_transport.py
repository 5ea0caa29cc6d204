"""Batches on real D1: values, integers, limits, errors, and what is known when no answer comes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from db.consistency import NOW, At, Level
from db.errors import (
    CredentialsRefused,
    EngineError,
    EngineLimit,
    ErrorCode,
    OutcomeUnknown,
    ReadTimeout,
    Refused,
    Unavailable,
)
from db.program import Rows, Value
from db.remote.d1.transport import ANY, PRIMARY, D1Transport
from db.remote.transport import Bound, EngineStatus
from tests.support.other_programs.d1_worker import TOKEN, D1Worker
from tests.support.services.tcp_server import tcp_server

SECONDS = 60.0
GREATEST = 2**53 - 1
TABLE = Bound("CREATE TABLE t (a UNIQUE, b)", {})


@asynccontextmanager
async def opened(url: str, token: str = TOKEN) -> AsyncIterator[D1Transport]:
    transport = D1Transport(url, token)
    try:
        yield transport
    finally:
        await transport.close()


@pytest.fixture
async def d1(d1_worker: D1Worker) -> AsyncIterator[D1Transport]:
    async with opened(d1_worker.new_url()) as transport:
        yield transport


async def send(d1: D1Transport, *batch: Bound, write: bool = True, at: At = NOW) -> list[Rows]:
    return await d1.send(batch, write=write, at=at, seconds=SECONDS)


def insert(value: Value) -> Bound:
    return Bound("INSERT INTO t (a) VALUES (:value) RETURNING a", {"value": value})


async def read(d1: D1Transport, sql: str, **bind: Value) -> Rows:
    (rows,) = await send(d1, Bound(sql, bind), write=False)
    return rows


async def rows_of(d1: D1Transport) -> Rows:
    return await read(d1, "SELECT a FROM t ORDER BY rowid")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("text", "text"),
        ("", "text"),
        ("x'41'", "text"),
        ("x\0y\x1e\U0001f4a5\u2028é'\"\\", "text"),
        ("9007199254740993", "text"),
        ('{"a": [1.0, 9007199254740993]}', "text"),
        ("2025-10-21T18:52:06.123456Z", "text"),
        (0, "integer"),
        (1, "integer"),
        (GREATEST, "integer"),
        (-GREATEST, "integer"),
        (0.1, "real"),
        (1e300, "real"),
        (-2.5e-10, "real"),
        (None, "null"),
    ],
)
async def test_a_value_arrives_as_it_was_sent(d1: D1Transport, value: Value, kind: str):
    await send(d1, TABLE)
    (returned,) = await send(d1, insert(value))
    assert returned == [(value,)]
    found = await read(d1, "SELECT a, typeof(a), a IS :same FROM t", same=value)
    assert found == [(value, kind, 1)]


async def test_a_whole_real_is_stored_as_one(d1: D1Transport):
    await send(d1, TABLE, insert(3.0))
    assert await read(d1, "SELECT typeof(a) FROM t") == [("real",)]


async def test_a_stored_blob_is_read_as_one(d1: D1Transport):
    assert await read(d1, "SELECT x'004100ff' AS blob, x'' AS none") == [(b"\0A\0\xff", b"")]


@pytest.mark.parametrize("value", [GREATEST + 1, -GREATEST - 1, 9_007_199_254_740_993, 2**63 - 1])
async def test_an_integer_that_d1_would_round_is_neither_written_nor_sought(
    d1: D1Transport, value: int
):
    await send(d1, TABLE, insert(1))
    with pytest.raises(Refused) as refused:
        await send(d1, insert(2), insert(value))
    (problem,) = refused.value.problems
    assert problem.code is ErrorCode.INVALID
    assert problem.message == (
        f"{value} is beyond 2^53 - 1, up to which Cloudflare D1 keeps integers exactly"
    )
    with pytest.raises(EngineLimit, match=f"{value} is beyond .* Cloudflare D1"):
        await read(d1, "SELECT a FROM t WHERE a = :a", a=value)
    assert await rows_of(d1) == [(1,)]


async def test_a_stored_integer_that_d1_rounds_is_not_told_as_another(d1: D1Transport):
    await send(d1, TABLE, Bound("INSERT INTO t VALUES (9007199254740993, 'foreign')", {}))
    with pytest.raises(EngineLimit, match="Cloudflare D1 gives integers beyond 2\\^53 inexactly"):
        await read(d1, "SELECT a FROM t")
    with pytest.raises(OutcomeUnknown, match="Cloudflare D1"):
        await send(d1, Bound("UPDATE t SET b = 'mine' RETURNING a", {}))
    assert await read(d1, "SELECT CAST(a AS TEXT), b FROM t") == [("9007199254740993", "mine")]


@pytest.mark.parametrize(
    ("value", "message"),
    [(b"\0", "takes no BLOBs"), (float("inf"), "infinite"), (float("nan"), "infinite")],
)
async def test_a_value_that_json_cannot_hold_is_refused(
    d1: D1Transport, value: Value, message: str
):
    with pytest.raises(EngineLimit, match=f"Cloudflare D1 .*{message}"):
        await read(d1, "SELECT :value AS a", value=value)


async def test_columns_of_one_name_stay_apart(d1: D1Transport):
    await send(d1, TABLE, Bound("INSERT INTO t VALUES (1, 2), (3, 4)", {}))
    assert await read(d1, "SELECT x.a, y.a, x.b AS a FROM t x, t y ORDER BY 1 DESC, 2") == [
        (3, 1, 4),
        (3, 3, 4),
        (1, 1, 2),
        (1, 3, 2),
    ]
    assert await read(d1, "SELECT NULL, NULL, max(a), max(a) FROM t") == [(None, None, 3, 3)]


async def test_columns_with_numbers_for_names_are_refused(d1: D1Transport):
    with pytest.raises(EngineError, match="name the column 1 of the result"):
        await read(d1, "SELECT 'b', 1")


async def test_a_batch_is_stored_as_a_whole_or_not_at_all(d1: D1Transport):
    await send(d1, TABLE, insert("one"))
    with pytest.raises(EngineError, match=r"UNIQUE constraint failed: t\.a"):
        await send(d1, insert("two"), insert("one"))
    with pytest.raises(EngineError, match="no such table: missing"):
        await send(d1, insert("three"), Bound("SELECT * FROM missing", {}))
    assert await rows_of(d1) == [("one",)]


async def test_changes_counts_what_the_statement_before_has_written(d1: D1Transport):
    await send(d1, TABLE)
    changes = Bound("SELECT changes() AS changed", {})
    nothing = Bound("UPDATE t SET b = 1 WHERE a = 'none'", {})
    results = await send(d1, insert(1), changes, nothing, changes)
    assert (results[1], results[3]) == ([(1,)], [(0,)])


DEEP = f"SELECT {' + '.join(['1'] * 120)} AS sum"
LONG = f"SELECT '{'x' * 100_000}' AS long"
WIDE = f"SELECT {', '.join(f'{n} AS c{n}' for n in range(150))}"


@pytest.mark.parametrize(
    ("sql", "bind", "message"),
    [
        (DEEP, {}, "Expression tree is too large .maximum depth 100"),
        (LONG, {}, "at most 100,000 bytes of SQL"),
        (f"SELECT {'é' * 51_000} AS long", {}, "at most 100,000 bytes of SQL"),
        ("SELECT :a AS a", {"a": "é" * 1_000_000}, "at most 2,000,000 bytes of values"),
        ("SELECT hex(zeroblob(1100000)) AS a", {}, "string or blob too big"),
        (WIDE, {}, "too many columns in result set"),
        ("SELECT 'x' LIKE :p AS a", {"p": "%" * 51}, "LIKE or GLOB pattern too complex"),
    ],
)
async def test_what_is_too_much_for_d1_is_told_by_its_name(
    d1: D1Transport, sql: str, bind: dict[str, Value], message: str
):
    with pytest.raises(EngineLimit, match=f"Cloudflare D1.*{message}"):
        await read(d1, sql, **bind)


async def test_hundreds_of_values_are_one_parameter(d1: D1Transport):
    names = [f"n{number}" for number in range(300)]
    sql = f"SELECT count(*) FROM (VALUES {', '.join(f'(:{name})' for name in names)})"
    assert await read(d1, sql, **dict.fromkeys(names, "x")) == [(300,)]


async def test_a_batch_has_bounds(d1: D1Transport):
    with pytest.raises(EngineLimit, match="at most 1,000 statements"):
        await send(d1, *[Bound("SELECT 1 AS one", {})] * 1_001)
    with pytest.raises(EngineLimit, match="Worker takes at most 16,000,000 bytes"):
        await send(d1, *[Bound("SELECT :a AS a", {"a": "x" * 1_900_000})] * 9)


async def test_a_migration_runs_once_and_its_failure_is_named(d1: D1Transport):
    record = Bound("INSERT INTO ledger VALUES (:name)", {"name": "0001"})
    await send(d1, Bound("CREATE TABLE ledger (name PRIMARY KEY)", {}))
    assert await d1.migrate([record, TABLE])
    assert not await d1.migrate([record, Bound("CREATE TABLE u (a)", {})])
    other = Bound("INSERT INTO ledger VALUES ('0002')", {})
    good = Bound("CREATE TABLE v (a)", {})
    for number in range(2, 6):
        batch = [other, good, insert("a"), insert("b")]
        batch.insert(number - 1, Bound("CREATE TABEL w (a)", {}))
        with pytest.raises(EngineError, match=f"^statement {number}: .*syntax error"):
            await d1.migrate(batch)
    wide = Bound(f"CREATE TABLE w AS {WIDE}", {})
    with pytest.raises(EngineError, match=r"^statement 2: Cloudflare D1 .*too many columns"):
        await d1.migrate([other, wide, good])
    with pytest.raises(EngineError, match=r"^statement 3: .*UNIQUE"):
        await d1.migrate([other, insert("a"), insert("a")])
    assert await read(d1, "SELECT name FROM sqlite_schema WHERE name IN ('t', 'u', 'v')") == [
        ("t",)
    ]
    assert await read(d1, "SELECT name FROM ledger") == [("0001",)]


async def test_status_tells_the_size(d1: D1Transport):
    await send(d1, TABLE)
    status = await d1.status(SECONDS)
    assert status.bytes_on_disk > 0
    assert status == EngineStatus(None, None, status.bytes_on_disk)


async def test_a_wrong_token_is_told_without_it(d1_worker: D1Worker):
    async with opened(d1_worker.new_url(), "wrong-s3cret") as d1:
        for write in (True, False):
            with pytest.raises(Unavailable, match="refuses the token") as refused:
                await send(d1, TABLE, write=write)
            assert "s3cret" not in str(refused.value)
            assert not isinstance(refused.value, OutcomeUnknown)


class Endpoint:
    """Something that answers, or does not, where the Worker should be, and what it was sent."""

    def __init__(self, status: int = 200, body: bytes = b"", *, ends: bool = True) -> None:
        head = f"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        self.answer = head.encode() + body
        self.ends = ends
        self.requests: list[dict[str, Any]] = []
        self.heads: list[str] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        self.heads.append(head)
        (length,) = [line for line in head.splitlines() if line.startswith("content-length:")]
        self.requests.append(json.loads(await reader.readexactly(int(length.split(":")[1]))))
        if not self.ends:
            await reader.read()
        writer.write(self.answer)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[D1Transport]:
        async with (
            tcp_server(self.handle) as port,
            opened(f"http://127.0.0.1:{port}", "s3cret") as transport,
        ):
            yield transport


def failing(status: int, code: str) -> Endpoint:
    body = json.dumps({"error": {"code": code, "message": "it has failed"}}).encode()
    return Endpoint(status, body)


@pytest.mark.parametrize(
    ("endpoint", "read_error", "write_error"),
    [
        (failing(500, "UNKNOWN"), Unavailable, OutcomeUnknown),
        (failing(504, "TIMEOUT"), ReadTimeout, OutcomeUnknown),
        (failing(503, "UNAVAILABLE"), Unavailable, Unavailable),
        (failing(503, "NOT_CONFIGURED"), CredentialsRefused, CredentialsRefused),
        (failing(413, "TOO_LARGE"), EngineLimit, EngineLimit),
        (failing(500, "COLUMNS"), EngineError, OutcomeUnknown),
        (failing(500, "something else"), Unavailable, OutcomeUnknown),
        (Endpoint(404, b"<html>not found</html>"), Unavailable, Unavailable),
        (Endpoint(429, b"error code: 1027"), Unavailable, Unavailable),
        (Endpoint(502, b"<html>bad gateway</html>"), Unavailable, OutcomeUnknown),
        (Endpoint(200, b"[]"), Unavailable, OutcomeUnknown),
        (Endpoint(200, b'{"results": [['), Unavailable, OutcomeUnknown),
        (Endpoint(200, b""), Unavailable, OutcomeUnknown),
    ],
)
async def test_what_may_have_been_stored_is_said_to_be_unknown(
    endpoint: Endpoint, read_error: type[Exception], write_error: type[Exception]
):
    async with endpoint.served() as d1:
        for write, error in ((False, read_error), (True, write_error)):
            with pytest.raises(error) as raised:
                await send(d1, TABLE, write=write)
            assert raised.type is error
            assert "Cloudflare D1" in str(raised.value)
            assert "s3cret" not in str(raised.value)


async def test_an_endpoint_that_hangs_is_given_up():
    endpoint = Endpoint(ends=False)
    async with endpoint.served() as d1, asyncio.timeout(SECONDS):
        for write, error in ((False, ReadTimeout), (True, OutcomeUnknown)):
            with pytest.raises(error):
                await d1.send([TABLE], write=write, at=NOW, seconds=0.3)
    # The Worker gives up before its client does.
    assert [request["seconds"] < 0.3 for request in endpoint.requests] == [True, True]


async def test_where_nothing_listens_nothing_is_stored():
    async with Endpoint().served() as d1:
        pass
    async with opened(d1._url) as d1:
        with pytest.raises(Unavailable, match="Cloudflare D1 cannot be reached") as refused:
            await send(d1, TABLE)
    assert not isinstance(refused.value, OutcomeUnknown)


async def test_a_level_chooses_who_answers():
    body = {"results": [[]], "bookmark": "b-1", "meta": {"size_after": 1}}
    endpoint = Endpoint(200, json.dumps(body).encode())
    async with endpoint.served() as d1:
        for at in (At(Level.NONE), At(Level.WEAK), At(Level.STRONG), At(Level.NONE, 5.0)):
            await send(d1, TABLE, write=False, at=at)
        await send(d1, TABLE)
        await send(d1, TABLE, write=False, at=At(Level.NONE))
        await send(d1, TABLE, write=False, at=At(Level.NONE, mark=1))
    assert all("user-agent: chittygraph" in head for head in endpoint.heads)
    sessions = [request["session"] for request in endpoint.requests]
    assert sessions == [ANY, PRIMARY, PRIMARY, PRIMARY, PRIMARY, ANY, "b-1"]
