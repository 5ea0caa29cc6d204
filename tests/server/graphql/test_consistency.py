"""Clients say how new what they read must be, and see their own writes whatever they say."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from db.consistency import NOW, At, Level
from db.queries import log_positions
from db.queries.log_positions import Kind
from db.remote import writer
from server.graphql import consistency
from server.graphql.consistency import Marks
from server.http.errors import HTTPError
from tests.support.services.api import Api, running
from tests.support.services.asgi_client import AsgiClient
from tests.support.services.asgi_websocket import conversation
from tests.support.services.sqlite_transport import RemoteApi, running_remote

pytestmark = pytest.mark.files_only(
    "it compares a file with an engine of its own, whose copies it makes as old as it needs"
)
KEY = b"k" * 32
CONSISTENCY, MARK = "x-chittygraph-consistency", "x-chittygraph-mark"
NONE = {CONSISTENCY: "none"}
COUNT = "{ actors { totalCount } }"
REGISTER = """
    mutation { registerActor(input: { actorType: HUMAN }) {
        errors { code } actor { chittyId } totalOf: actor { contexts { totalCount } }
    } }
"""
GOOD = {
    "none": At(Level.NONE),
    "weak": At(),
    "strong": At(Level.STRONG),
    " strong  ": At(Level.STRONG),
    "none; freshness=2.5": At(Level.NONE, 2.5),
    "none;freshness=30": At(Level.NONE, 30.0),
    "none ;  freshness=0.001": At(Level.NONE, 0.001),
    "none; freshness=86400": At(Level.NONE, 86_400.0),
}
BAD = [
    *(
        "",
        " ",
        "None",
        "NONE",
        "fresh",
        "none,weak",
        "none, weak",
        '"none"',
        "none;",
        "none; fresh=1",
    ),
    *("none; freshness", "none; freshness=", "none; freshness=x", "none; freshness=-1"),
    *("none; freshness=0", "none; freshness=0.0", "none; freshness=86401", "none; freshness=1e3"),
    *(
        "none; freshness=.5",
        "none; freshness=1.",
        "none; freshness=1.2345",
        "none; freshness=\u0661",
    ),
    *("none; freshness=1; freshness=2", "none freshness=1", "weak; freshness=1"),
    *("strong; freshness=1", "none; freshness=" + "1" * 5_000, "no\0ne", "none\t"),
]


@pytest.mark.parametrize("value", GOOD)
def test_levels_and_freshness_are_understood(value: str):
    assert consistency.at_of({consistency.HEADER: value.encode()}, KEY) == GOOD[value]
    assert consistency.at_in({"consistency": value}, KEY) == GOOD[value]


@pytest.mark.parametrize("value", BAD)
def test_anything_else_is_refused_with_what_to_send(value: str):
    for ask in (
        lambda: consistency.at_of({consistency.HEADER: value.encode()}, KEY),
        lambda: consistency.at_in({"consistency": value}, KEY),
    ):
        with pytest.raises(HTTPError) as refused:
            ask()
        (error,) = refused.value.body["errors"]
        assert (refused.value.status, error["extensions"]["code"]) == (400, "BAD_CONSISTENCY")
        assert "none; freshness=2.5" in error["message"] or "leave it out" in error["message"]


def test_without_headers_reads_are_weak():
    assert consistency.at_of({}, KEY) is NOW
    assert consistency.at_in(None, KEY) is NOW
    assert consistency.at_in({"Authorization": "Bearer x"}, KEY) is NOW


def test_a_mark_is_read_and_no_other_text():
    mark = log_positions.seal(KEY, 7, Kind.MARK)
    assert consistency.at_of({consistency.MARK_HEADER: mark.encode()}, KEY) == At(mark=7)
    both = {consistency.HEADER: b"none; freshness=1", consistency.MARK_HEADER: mark.encode()}
    assert consistency.at_of(both, KEY) == At(Level.NONE, 1.0, 7)

    others = [
        *("", "x", mark[:-1], mark + "A", "7", mark + ", " + mark, mark.swapcase()),
        log_positions.seal(KEY, 7),
        log_positions.seal(b"other" * 6, 7, Kind.MARK),
    ]
    for other in others:
        for ask in (
            lambda text=other: consistency.at_of({consistency.MARK_HEADER: text.encode()}, KEY),
            lambda text=other: consistency.at_in({"mark": text}, KEY),
        ):
            with pytest.raises(HTTPError) as refused:
                ask()
            assert refused.value.body["errors"][0]["extensions"]["code"] == "BAD_MARK"


@pytest.mark.parametrize("payload", [{"consistency": 1}, {"consistency": ["none"]}, {"mark": 7}])
def test_members_of_connection_init_must_be_texts(payload: dict[str, Any]):
    with pytest.raises(HTTPError):
        consistency.at_in(payload, KEY)


def test_two_marks_of_the_same_state_tell_nobody_that_it_is_the_same():
    assert log_positions.seal(KEY, 7, Kind.MARK) != log_positions.seal(KEY, 7, Kind.MARK)


def test_of_many_viewers_nobody_reads_older_than_its_writes():
    marks = Marks(most=2)
    at = At(Level.NONE)
    for number, viewer in enumerate(("ada", "bob", "eve", "ian"), start=1):
        marks.record(viewer, number)

    assert [marks.at(at, viewer).mark for viewer in ("eve", "ian")] == [3, 4]
    assert [marks.at(at, viewer).mark for viewer in ("ada", "bob", "stranger")] == [2, 2, 2]
    assert marks.at(At(Level.NONE, 1.0, 9), "ada") == At(Level.NONE, 1.0, 9)


@asynccontextmanager
async def services(folder: Path, name: str, **settings: Any) -> AsyncIterator[Api]:
    """A service over a file, or one that reaches it as an engine over HTTP."""
    start = running if name == "file" else running_remote
    async with start(folder / "registry.db", **settings) as api:
        yield api


async def send(api: Api, method: str, query: str, headers: dict[str, str]) -> httpx2.Response:
    """The response to a query that is sent so."""
    if method == "GET":
        return await api.client.get("/graphql", params={"query": query}, headers=headers)
    return await api.client.request(method, "/graphql", json={"query": query}, headers=headers)


@pytest.mark.parametrize("method", ["GET", "POST", "QUERY"])
@pytest.mark.parametrize("name", ["file", "remote"])
async def test_each_method_takes_the_headers_and_refuses_bad_ones(
    method: str, name: str, tmp_path: Path
):
    async with services(tmp_path, name) as api:
        for value in GOOD:
            assert (await send(api, method, COUNT, {CONSISTENCY: value})).status_code == 200
        for header, code in ((CONSISTENCY, "BAD_CONSISTENCY"), (MARK, "BAD_MARK")):
            refused = await send(api, method, COUNT, {header: "newest"})
            (error,) = refused.json()["errors"]
            assert (refused.status_code, error["extensions"]["code"]) == (400, code)


async def test_a_file_has_one_copy_so_that_nothing_changes(tmp_path: Path):
    async with running(tmp_path / "registry.db") as api:
        registered = await api.client.post("/graphql", json={"query": REGISTER})
        assert MARK not in registered.headers
        first = await send(api, "GET", COUNT, NONE)
        tagged = {**NONE, "if-none-match": first.headers["etag"]}
        assert (await send(api, "GET", COUNT, tagged)).status_code == 304
        assert (await send(api, "GET", COUNT, {})).headers["etag"] == first.headers["etag"]
        assert not api.service.operations.marks.are_kept


def count_in(response: httpx2.Response) -> int:
    """The number of actors in a response to COUNT."""
    assert "errors" not in response.json(), response.json()
    return int(response.json()["data"]["actors"]["totalCount"])


@asynccontextmanager
async def client_of(api: Api, address: str) -> AsyncIterator[Api]:
    """Another client of the service."""
    async with AsgiClient(api.app, address=(address, 50_000)) as client:
        yield Api(api.app, client)


@pytest.fixture(params=[True, False], ids=["compiled", "generic"])
async def api(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[RemoteApi]:
    """A service over an engine of two copies, of which one is as old as the test began."""
    async with running_remote(tmp_path / "registry.db", compiled=request.param) as api:
        yield api


async def test_reads_at_none_see_the_nearest_copy_and_others_the_leader(api: RemoteApi):
    async with client_of(api, "203.0.113.7") as other:
        await api.ask(REGISTER)

        assert count_in(await send(other, "POST", COUNT, NONE)) == 0
        for headers in ({}, {CONSISTENCY: "weak"}, {CONSISTENCY: "strong"}):
            assert count_in(await send(other, "POST", COUNT, headers)) == 1
        api.transport.catch_up()
        assert count_in(await send(other, "POST", COUNT, NONE)) == 1


async def test_all_reads_of_an_operation_are_at_its_level(api: RemoteApi):
    query = "{ actors { totalCount nodes { contexts { nodes { owner { chittyId } } } } } }"
    await api.ask(REGISTER)
    api.transport.catch_up()
    api.service.operations.marks = Marks()
    for value, at in GOOD.items():
        del api.transport.sent[:]
        await send(api, "POST", query, {CONSISTENCY: value})
        assert api.transport.sent
        assert {(write, one) for write, one in api.transport.sent} == {(False, at)}


async def test_a_viewer_sees_its_writes_through_the_same_server(api: RemoteApi):
    async with client_of(api, "203.0.113.7") as other:
        await api.ask(REGISTER)
        assert count_in(await send(api, "POST", COUNT, NONE)) == 1
        assert count_in(await send(api, "GET", COUNT, NONE)) == 1
        assert count_in(await send(other, "POST", COUNT, NONE)) == 0


async def test_a_viewer_sees_its_writes_through_any_server_with_the_mark(
    api: RemoteApi, tmp_path: Path
):
    async with running_remote(tmp_path / "registry.db") as elsewhere:
        for written in range(1, 6):
            made = await api.client.post("/graphql", json={"query": REGISTER})
            mark = made.headers[MARK]
            assert count_in(await send(elsewhere, "GET", COUNT, NONE)) < written
            assert count_in(await send(elsewhere, "GET", COUNT, NONE | {MARK: mark})) == written


async def test_a_mutation_at_none_reads_its_payload_from_the_leader(api: RemoteApi):
    owner = (await api.ask(REGISTER))["registerActor"]["actor"]["chittyId"]
    create = f"""mutation {{ createContext(input: {{ name: "one", owner: "{owner}" }}) {{
        errors {{ code }} context {{ name owner {{ contexts {{ totalCount }} }} }}
    }} }}"""
    made = await send(api, "POST", create, NONE)

    created = made.json()["data"]["createContext"]
    assert created["context"]["owner"]["contexts"]["totalCount"] == 1
    assert MARK in made.headers


async def test_what_writes_nothing_has_no_mark(api: RemoteApi):
    await api.ask(REGISTER)
    read = await send(api, "POST", COUNT, {})
    refused = await send(
        api, "POST", 'mutation { deleteContext(input: { chittyId: "x" }) { errors { code } } }', {}
    )

    assert read.status_code == refused.status_code == 200
    assert MARK not in read.headers
    assert MARK not in refused.headers


async def test_pages_of_other_origins_may_send_and_read_the_headers(api: RemoteApi):
    origin = {"origin": "http://localhost:3000"}
    asked = {**origin, "access-control-request-method": "POST"}
    preflight = await api.client.options("/graphql", headers=asked)
    allowed = preflight.headers["access-control-allow-headers"].split(", ")
    made = await api.client.post("/graphql", json={"query": REGISTER}, headers=origin)

    assert {CONSISTENCY, MARK} <= {*allowed}
    assert MARK in made.headers["access-control-expose-headers"].split(", ")


async def on_socket(api: Api, payload: dict[str, Any], query: str) -> list[dict[str, Any]]:
    """What is sent on a socket on which this operation is asked for."""
    texts = [
        {"type": "connection_init", "payload": payload},
        {"type": "subscribe", "id": "1", "payload": {"query": query}},
    ]
    sent = await conversation(
        api, [], *[json.dumps(text) for text in texts], until='"type":"complete"'
    )
    return [json.loads(each["text"]) if "text" in each else each for each in sent]


async def answer_on_socket(api: Api, payload: dict[str, Any], query: str) -> dict[str, Any]:
    """The response to an operation on a socket."""
    for message in await on_socket(api, payload, query):
        if message["type"] == "next":
            answer: dict[str, Any] = message["payload"]
            return answer
    raise AssertionError("no answer came")


async def test_a_socket_says_how_new_its_reads_are_when_it_begins(api: RemoteApi):
    made = await answer_on_socket(api, {}, REGISTER)
    mark = made["extensions"]["mark"]
    api.service.operations.marks = Marks()

    levels: tuple[dict[str, str], ...] = (
        {},
        {"consistency": "none"},
        {"consistency": "none", "mark": mark},
    )
    counts = [
        (await answer_on_socket(api, payload, COUNT))["data"]["actors"]["totalCount"]
        for payload in levels
    ]

    assert counts == [1, 0, 1]


async def test_a_socket_with_a_bad_level_is_closed_with_what_to_send(api: RemoteApi):
    *_, closed = await on_socket(api, {"consistency": "newest"}, COUNT)
    assert closed["type"] == "websocket.close"
    assert closed["code"] == 4400
    assert closed["reason"].startswith("X-ChittyGraph-Consistency is malformed: send none, weak")


TWO_LEVELS = "{ actors(first: 50) { totalCount nodes { contexts { totalCount } } } }"


def writes(file: Path, number: int) -> None:
    """Register an actor and its context at once, as another program does."""
    with closing(sqlite3.connect(file)) as connection, connection:
        at = "2026-01-01T00:00:00.000Z"
        connection.execute(
            "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at) VALUES (?, 'human', ?, ?)",
            (f"A-{number}", at, at),
        )


@asynccontextmanager
async def torn(api: RemoteApi, file: Path, each: int, times: int) -> AsyncIterator[None]:
    """Write between the batches of what reads so many batches each time, so many times."""
    seen = 0

    async def write_in_between() -> None:
        nonlocal seen
        if seen % each and seen // each < times:
            writes(file, seen)
        seen += 1

    api.transport.before_read = write_in_between
    yield
    api.transport.before_read = None


@pytest.mark.parametrize(("times", "tagged"), [(1, True), (2, True), (3, False), (9, False)])
async def test_a_query_whose_batches_saw_different_states_is_run_again_and_else_not_tagged(
    api: RemoteApi, tmp_path: Path, times: int, tagged: bool
):
    await api.ask(REGISTER)
    strong = {CONSISTENCY: "strong"}  # else the state is asked for before and after
    await send(api, "GET", TWO_LEVELS, strong)
    del api.transport.sent[:]
    await send(api, "GET", TWO_LEVELS, strong)
    each = len(api.transport.sent)
    del api.transport.sent[:]

    async with torn(api, tmp_path / "registry.db", each, times):
        response = await send(api, "GET", TWO_LEVELS, strong)

    answer = response.json()["data"]["actors"]
    assert each > 1
    assert ("etag" in response.headers) is tagged
    assert api.service.operations.executor.torn == min(times, 2)
    assert len(api.transport.sent) == each * min(times + 1, 3)
    if tagged:
        assert answer["totalCount"] == len(answer["nodes"]) == 1 + times * (each - 1)


async def test_a_payload_that_saw_different_states_is_read_again_and_nothing_written_again(
    api: RemoteApi, tmp_path: Path
):
    owner = (await api.ask(REGISTER))["registerActor"]["actor"]["chittyId"]
    seen = (
        "context { owner { contexts { totalCount nodes { owner { contexts { totalCount } } } } } }"
    )
    made = [
        f'{name}: createContext(input: {{ name: "{name}", owner: "{owner}" }}) {{ errors {{ code }} {seen} }}'
        for name in ("one", "two")
    ]
    await api.ask("mutation { " + made[0] + " }")
    reads = [write for write, _ in api.transport.sent if not write]
    del api.transport.sent[:]

    async with torn(api, tmp_path / "registry.db", 2, 1):
        answer = await api.post("mutation { " + made[1] + " }")

    assert reads
    assert "errors" not in answer
    assert answer["data"]["two"]["errors"] == []
    written = [write for write, _ in api.transport.sent if write]
    assert written == [True]
    assert await api.rows("SELECT name FROM contexts ORDER BY name") == [("one",), ("two",)]


async def test_tags_are_of_the_state_that_a_client_asked_for(api: RemoteApi):
    """A client that has read an old copy is not told that it is new; one that asks for the state is."""
    await api.ask(REGISTER)
    api.service.operations.marks = Marks()
    old = await send(api, "GET", COUNT, NONE)
    new = await send(api, "GET", COUNT, {})
    assert (count_in(old), count_in(new)) == (0, 1)

    for tag, value, status in (
        (old, "none", 304),
        (old, "weak", 200),
        (old, "strong", 200),
        (new, "weak", 304),
        (new, "none", 200),
    ):
        headers = {CONSISTENCY: value, "if-none-match": tag.headers["etag"]}
        assert (await send(api, "GET", COUNT, headers)).status_code == status, value
    api.transport.catch_up()
    headers = NONE | {"if-none-match": old.headers["etag"]}
    assert count_in(await send(api, "GET", COUNT, headers)) == 1


async def test_what_another_program_writes_changes_the_tag(api: RemoteApi, tmp_path: Path):
    first = await send(api, "GET", COUNT, {})
    again = {"if-none-match": first.headers["etag"]}
    assert (await send(api, "GET", COUNT, again)).status_code == 304
    writes(tmp_path / "registry.db", 1)
    assert count_in(await send(api, "GET", COUNT, again)) == 1


async def test_a_get_that_cannot_learn_the_state_is_refused_and_does_not_read_in_vain(
    api: RemoteApi,
):
    api.transport.texts.clear()
    api.transport.has_leader = False
    refused = await send(api, "GET", COUNT, {})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert not any("FROM actors" in sql for _, sql in api.transport.texts)
    assert count_in(await send(api, "GET", COUNT, NONE)) == 0


async def stored(api: RemoteApi) -> int:
    """The number of actors that are stored."""
    ((number,),) = await api.rows("SELECT count(*) FROM actors")
    return int(str(number))


async def mutate(api: Api, key: str | None) -> dict[str, Any]:
    """The response to REGISTER, with this key."""
    headers = {} if key is None else {"idempotency-key": f'"{key}"'}
    answer = await api.client.post("/graphql", json={"query": REGISTER}, headers=headers)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give an unknown outcome up at once: the writer has less time left than it needs."""
    monkeypatch.setattr(writer, "LEAST_SECONDS", 60.0)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("lost", ["lost_answers", "lost_requests"])
async def test_an_unknown_outcome_is_told_and_safe_to_repeat_with_its_key(
    api: RemoteApi, lost: str
):
    setattr(api.transport, lost, 1)

    unknown = await mutate(api, "one")
    repeated = await mutate(api, "one")
    again = await mutate(api, "one")

    (error,) = unknown["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("UNAVAILABLE", ["registerActor"])
    assert "may have been applied" in error["message"]
    assert "repeat it with the same Idempotency-Key" in error["message"]
    assert repeated == again
    assert repeated["data"]["registerActor"]["errors"] == []
    assert await stored(api) == 1


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("lost", "number"), [("lost_answers", 1), ("lost_requests", 0)])
async def test_an_unknown_outcome_without_a_key_says_to_look_first(
    api: RemoteApi, lost: str, number: int
):
    setattr(api.transport, lost, 1)

    unknown = await mutate(api, None)

    (error,) = unknown["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert "may have been applied: read whether it was before you send it again" in error["message"]
    assert await stored(api) == number


async def test_a_lost_answer_is_found_again_while_there_is_time(api: RemoteApi):
    api.transport.lost_answers = 1
    answer = await mutate(api, None)
    assert answer["data"]["registerActor"]["errors"] == []
    assert await stored(api) == 1


async def test_without_a_leader_reads_at_none_go_on_and_others_are_unavailable(api: RemoteApi):
    api.transport.has_leader = False
    refused = await mutate(api, None)
    assert refused["data"]["registerActor"]["errors"] == [{"code": "UNAVAILABLE"}]
    assert count_in(await send(api, "POST", COUNT, NONE)) == 0
    (error,) = (await api.post(COUNT))["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"


DEEP = """
    { contexts(first: 5, filter: { owner: { status: { eq: ACTIVE } } }) {
        totalCount nodes { name status data createdAt owner { contexts(first: 2) { nodes { name } } } }
    } }
"""


async def longest(folder: Path, *, compiled: bool) -> int:
    """How long the longest statement is that DEEP needs."""
    async with running_remote(folder / f"{compiled}.db", compiled=compiled) as api:
        await api.ask(DEEP)
        return max(len(text) for _, text in api.transport.texts if "contexts" in text)


async def test_what_is_too_much_for_the_engine_as_one_statement_is_read_by_several(
    tmp_path: Path,
):
    compiled = await longest(tmp_path, compiled=True)
    generic = await longest(tmp_path, compiled=False)
    assert generic < compiled
    async with running_remote(tmp_path / "registry.db") as api:
        expected = await api.ask(DEEP)
        api.transport.limits = replace(api.transport.limits, statement_bytes=compiled - 1)
        answer = await api.post(DEEP)
        fallbacks = dict(api.service.operations.executor.generic)
        api.transport.limits = replace(api.transport.limits, statement_bytes=generic - 1)
        refused = await api.post(DEEP)

    assert answer == {"data": expected}
    assert fallbacks == {"fault: EngineLimit": 1}
    assert {error["extensions"]["code"] for error in refused["errors"]} == {"ENGINE_LIMIT"}
    assert all(error["message"].startswith("SQLite takes at most") for error in refused["errors"])


async def test_numbers_that_the_engine_cannot_hold_are_refused_in_the_payload(api: RemoteApi):
    api.transport.limits = replace(api.transport.limits, largest_integer=2**53 - 1)
    suspend = """mutation ($id: BigInt!) {
        suspendInstallation(input: { installationId: $id }) { installation { id } errors { code message } }
    }"""

    written = await api.ask(suspend, id=str(2**53))

    assert written["suspendInstallation"]["installation"] is None
    (error,) = written["suspendInstallation"]["errors"]
    assert error["code"] == "INVALID"
    assert str(2**53 - 1) in error["message"]


async def test_operations_in_a_reserved_stream_take_the_headers_and_tell_the_mark(api: RemoteApi):
    token = (await api.client.put("/graphql/stream")).text
    opened = {"x-graphql-event-stream-token": token}
    told: asyncio.Queue[str] = asyncio.Queue()
    leaves = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await leaves.wait()
        return {"type": "http.disconnect"}

    async def send_part(message: Any) -> None:
        if b"event: next" in message.get("body", b""):
            told.put_nowait(message["body"].decode())

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/graphql/stream",
        "raw_path": b"/graphql/stream",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
        "server": ("127.0.0.1", None),
        "client": ("127.0.0.1", 50_000),
        "headers": [(b"host", b"127.0.0.1"), (b"x-graphql-event-stream-token", token.encode())],
    }
    stream = asyncio.create_task(api.app(scope, receive, send_part))

    async def ask(query: str, **headers: str) -> dict[str, Any]:
        sent = {"query": query, "extensions": {"operationId": str(headers)[:100]}}
        taken = await api.client.post("/graphql/stream", json=sent, headers=opened | headers)
        assert taken.status_code == 202, taken.text
        payload: dict[str, Any] = json.loads((await told.get()).partition("data: ")[2])["payload"]
        return payload

    async with asyncio.timeout(60):
        mark = (await ask(REGISTER))["extensions"]["mark"]
        api.service.operations.marks = Marks()
        old = await ask(COUNT, **NONE)
        new = await ask(COUNT, **NONE, **{MARK: mark})
        refused = await api.client.post(
            "/graphql/stream", json={"query": COUNT}, headers=opened | {CONSISTENCY: "newest"}
        )
        leaves.set()
        await stream

    assert (old["data"]["actors"]["totalCount"], new["data"]["actors"]["totalCount"]) == (0, 1)
    assert refused.status_code == 400
