"""Two strangers who listen: neither learns by its stream that the other is there, let alone what it does.

A stranger hears, byte by byte, what it hears of a registry without the other. Only ids and cursors differ, as
they are encrypted sequence numbers: they are compared by the places of their changes among its own.
"""

import json
import random
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from db import attribution
from db.program import Program, Statement
from db.queries import log_positions, sealed_sequences
from db.queries.sealed_sequences import Purpose
from schema.fields import global_ids
from tests.db.security.test_strangers_changes import KEY, MARKS, store
from tests.support.corpus.sharing import ranges
from tests.support.registries import separate_owners
from tests.support.registries.separate_owners import ADMIN, Tenant, key_of, tenant
from tests.support.requests.event_streams import ACCEPT, listening
from tests.support.services.asgi_client import AsgiClient
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.protected_service import ProtectedApi, bearer
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.waits

SUBSCRIPTIONS = ranges(100, 20, by_default=20)  # of each of both
SEALED = re.compile(r"Q2hhbmdl[A-Za-z0-9_-]+=*|[A-Za-z0-9_-]{32}")
SELECTIONS = (
    "id cursor at operation cause kind entityId before after requestId actor { id }",
    "cursor entity { id ... on Actor { displayName email contexts(first: 2) { totalCount } } }",
    "id entity { __typename ... on Context { name history(last: 2) { totalCount nodes { id } } } }",
    "cursor kind actor { chittyId } entity { ... on Connection { credentialsKvKey config } }",
    "after entity { ... on Installation { accountLogin suspendedBy { id } } }",
    "entity { id ... on Actor { connections(first: 3) { nodes { id history { totalCount } } } } }",
)
REQUEST = re.compile(r"[0-9a-f]{32}")
COUNT_UP = "UPDATE actors SET session_count = session_count + 1 WHERE chitty_id = :key"
NEWEST = "SELECT max(sequence) FROM changes"


@dataclass
class View:
    """A server that a stranger listens to, and the sequence numbers of its own changes there."""

    server: LocalServer
    viewer: Tenant
    own: list[int]
    others: tuple[Tenant, ...]

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {key_of(self.viewer.actor).text()}"}

    async def write(self, number: int, of: Tenant, sql: str, **bind: Any) -> int:
        """Change a row of somebody; the sequence number of the newest change is returned."""
        newest: int = await self.server.app.service.db.write(writing(number, of, sql, bind))
        return newest

    async def others_write(self, number: int) -> None:
        for one in self.others:
            for sql, bind in turns(one, number):
                await self.write(number, one, sql, **bind)

    async def write_own(self, number: int) -> None:
        sequence = await self.write(number, self.viewer, COUNT_UP, key=self.viewer.actor)
        self.own.append(sequence)

    async def heard(self, number: int) -> list[str]:
        """The events of a random subscription up to a change that it is told of for sure."""
        chance = random.Random(number)
        query, variables, place = subscription(chance, self)
        after = sealed_sequences.seal(KEY, self.own[place], Purpose.CURSOR)
        sent = ("last-event-id", "after")[chance.random() < 0.5]
        given = {sent: after} if sent == "after" else {}
        headers = self.headers | ({} if given else {sent: after})
        found: list[str] = []
        async with listening(self.server.url, query, headers, **variables, **given) as stream:
            await self.others_write(number)
            await self.write_own(number)
            last = sealed_sequences.seal(KEY, self.own[-1], Purpose.CURSOR)
            while stream.last_id != last:
                event = await stream.hear()
                assert event is not None
                found.append(self.named(f"{event.id} {event.name} {event.data}"))
            assert stream.comments == 0
        return found

    def named(self, text: str) -> str:
        """A text with its cursors and ids replaced by the places of their changes."""
        return SEALED.sub(lambda found: self._place(found[0]), text)

    def _place(self, text: str) -> str:
        decoded = global_ids.decode(text)
        if decoded is not None:
            sequence = sealed_sequences.unseal(KEY, str(decoded[1]), Purpose.ID)
            return text if sequence is None else f"id {self.own.index(sequence)}"
        sequence = sealed_sequences.unseal(KEY, text, Purpose.CURSOR)
        return text if sequence is None else f"cursor {self.own.index(sequence)}"


def writing(number: int, of: Tenant, sql: str, bind: dict[str, Any]) -> Program[int]:
    at = f"2026-10-01T{number // 60:02}:{number % 60:02}:00.000Z"
    actor = of.actor if number % 2 else ADMIN.chitty_id
    by = {"actor": actor, "cause": f"cause {number % 5}", "request_id": f"r{number}", "at": at}
    *_, ((newest,),) = yield [
        Statement(attribution.FILL, by),
        Statement(sql, bind),
        Statement(attribution.EMPTY),
        Statement(NEWEST),
    ]
    return int(str(newest))


def turns(one: Tenant, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """What somebody does meanwhile."""
    yield COUNT_UP, {"key": one.actor}
    last, another = one.seen[-1], one.seen[-20 - number % 5]
    yield (
        "UPDATE connections SET config = :data WHERE connection_id = :key",
        {
            "data": json.dumps({"number": number}),
            "key": last.connection_id,
        },
    )
    yield (
        "UPDATE connections SET last_error = :error WHERE connection_id = :key",
        {
            "error": str(number),
            "key": another.connection_id,
        },
    )


def subscription(chance: random.Random, view: View) -> tuple[str, dict[str, Any], int]:
    """A random one which is told of a change of its own actor: document, variables and where it begins."""
    filter_: dict[str, Any] = {}
    if chance.random() < 0.3:
        filter_["kinds"] = ["ACTOR", *chance.sample(["CONTEXT", "CONNECTION", "INSTALLATION"], 2)]
    if chance.random() < 0.3:
        filter_["operations"] = ["UPDATED", *chance.sample(["CREATED", "DELETED", "RESTORED"], 1)]
    if chance.random() < 0.2:
        filter_["entityId"] = global_ids.encode(view.viewer.seen[0])
    if chance.random() < 0.2:
        filter_["at"] = {"gte": "2026-09-01T00:00:30.000Z"}
    query = f"""subscription ($after: String, $filter: ChangeFilter) {{
        changes(after: $after, filter: $filter) {{ {chance.choice(SELECTIONS)} }} }}"""
    return query, {"filter": filter_}, chance.randrange(len(view.own))


@asynccontextmanager
async def views(folder: Path, number: int, *, compiled: bool) -> AsyncIterator[tuple[View, View]]:
    """The registry of both strangers, and one of the first one's own."""
    both = [tenant(mark, 1_000 * place, seed=place) for place, mark in enumerate(MARKS, start=1)]
    viewer, other = both[number], both[1 - number]
    own = store(folder / "shared.db", viewer, other), store(folder / "alone.db", viewer)
    settings = separate_owners.SETTINGS | {"compiled": compiled}
    async with AsyncExitStack() as stack:
        shared, alone = [
            await stack.enter_async_context(serving(folder / f"{name}.db", **settings))
            for name in ("shared", "alone")
        ]
        yield View(shared, viewer, own[0], (other,)), View(alone, viewer, own[1], ())


@pytest.mark.parametrize("numbers", SUBSCRIPTIONS)
@pytest.mark.parametrize("number", [0, 1])
async def test_a_stranger_hears_what_it_hears_of_a_registry_of_its_own(
    number: int, numbers: range, tmp_path: Path
):
    async with views(tmp_path, number, compiled=numbers.start % 40 == 0) as (shared, alone):
        for each in numbers:
            expected = await alone.heard(each)
            assert await shared.heard(each) == expected, each
        assert len(shared.own) == len(alone.own)
        assert shared.own != alone.own


async def test_nothing_comes_in_a_stream_while_others_write(tmp_path: Path):
    async with views(tmp_path, 0, compiled=True) as (shared, _):
        query = "subscription { changes { cursor cause } }"
        sent = {"query": query}
        async with (
            httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
            client.stream(
                "POST", shared.server.url, json=sent, headers=ACCEPT | shared.headers
            ) as response,
        ):
            raw = response.aiter_raw()
            begun = (await anext(raw)).decode()
            for number in range(20):
                await shared.others_write(number)
            await shared.write_own(3)
            told = (await anext(raw)).decode()

    place = begun.split("id: ")[1].strip()
    assert begun == f"retry: 1000\nid: {place}\n\n"
    assert log_positions.unseal(KEY, place) is not None
    cursor = sealed_sequences.seal(KEY, shared.own[-1], Purpose.CURSOR)
    data = f'{{"data":{{"changes":{{"cursor":"{cursor}","cause":"cause 3"}}}}}}'
    assert told == f"id: {cursor}\nevent: next\ndata: {data}\n\n"


async def test_the_token_of_anothers_stream_is_none_for_a_stranger(tmp_path: Path):
    async with (
        serving(tmp_path / "registry.db", auth="protected") as server,
        AsgiClient(server.app) as asgi,
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
    ):
        api, url = ProtectedApi(server.app, asgi), f"{server.url}/stream"
        keys = [(await api.newcomer(name))[1] for name in ("Ada", "Bert")]
        ada, bert = ({"authorization": bearer(key)} for key in keys)
        token = (await client.put(url, headers=ada)).text
        assert [status for status, _ in await used(client, url, ada, token)] == [202, 200]
        tokens = (token, f"{token[:-1]}x", f"9{token}", "none", "../../0-none")
        answers = [await used(client, url, bert, each) for each in tokens]

    assert answers == answers[:1] * len(tokens)
    assert [status for status, _ in answers[0]] == [404, 404]


async def used(
    client: httpx2.AsyncClient, url: str, credential: dict[str, str], token: str
) -> list[tuple[int, str]]:
    """What somebody is answered who asks for an operation in a stream, and who ends one."""
    headers = {**credential, "x-graphql-event-stream-token": token}
    sent = {"query": "{ __typename }", "extensions": {"operationId": "1"}}
    asked = await client.post(url, json=sent, headers=headers)
    ended = await client.delete(url, params={"operationId": "1"}, headers=headers)
    return [(answer.status_code, REQUEST.sub("", answer.text)) for answer in (asked, ended)]


@pytest.mark.files_only(
    "its writes ask between statements of one transaction, as nothing else does"
)
@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "generic"])
async def test_a_stranger_misses_nothing_among_thousands_of_others_changes(
    tmp_path: Path, compiled: bool
):
    query = "subscription { changes { cursor } }"
    async with views(tmp_path, 0, compiled=compiled) as (shared, _):
        (other,) = shared.others
        shared.own.clear()

        def burst(others: int) -> Program[list[int]]:
            newest = []
            for _ in range(3):
                for key in [other.actor] * others + [shared.viewer.actor]:
                    yield [Statement(COUNT_UP, {"key": key})]
                (((sequence,),),) = yield [Statement(NEWEST)]
                newest.append(int(str(sequence)))
            return newest

        async with listening(shared.server.url, query, shared.headers) as stream:
            begin, live = stream.last_id, []
            for others in (0, 1, 400, 1_100):
                shared.own += await shared.server.app.service.db.write(burst(others))
                live += [(await stream.next())["data"]["changes"]["cursor"] for _ in range(3)]
        headers = shared.headers | {"last-event-id": begin}
        async with listening(shared.server.url, query, headers) as stream:
            later = [(await stream.next())["data"]["changes"]["cursor"] for _ in live]

    expected = [sealed_sequences.seal(KEY, each, Purpose.CURSOR) for each in shared.own]
    assert live == later == expected
