"""While the database is busy with others, whoever would wait too long is told to try again."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.types import Message

from db.database import Session
from db.errors import Overloaded
from tests.support.registries.databases import elsewhere, names
from tests.support.services.api import Api, running
from tests.support.services.protected_service import client_at, protected_api

pytestmark = pytest.mark.waits

LISTS = "{ actors { totalCount } contexts { totalCount } connections { totalCount } }"
REGISTER = """
    mutation {
      registerActor(input: { actorType: AI }) { actor { contexts { totalCount } } errors { code message } }
    }
"""
STORED = "SELECT count(*) FROM actors"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


@asynccontextmanager
async def all_readers(api: Api, share: str = "somebody") -> AsyncIterator[list[Session]]:
    """All connections to read with are in use."""
    await asyncio.sleep(0)
    await api.put("SELECT 1")  # after which the server has written what it writes at its start
    await api.post(LISTS)  # and read what it reads after that
    await asyncio.sleep(api.service.settings.wait_seconds)  # then that reader counts as gone
    count = api.service.db.statistics().readers
    sessions = [await api.service.db.borrow(share=share) for _ in range(count)]
    yield sessions
    for session in sessions:
        api.service.db.give_back(session)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with elsewhere(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def refused(api: Api) -> dict[str, int]:
    return dict(api.service.db.statistics().reads_refused)


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "generic"])
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_query_that_gets_no_connection_is_a_503_that_says_when_to_try_again(
    path, compiled, accept
):
    async with running(path, readers=1, wait_seconds=0.1, compiled=compiled) as api:
        async with all_readers(api):
            answer = await api.client.post(
                "/graphql", json={"query": LISTS}, headers={"accept": accept}
            )
            refusals = refused(api)
        later = await api.ask(LISTS)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    [error] = answer.json()["errors"]
    assert error["extensions"] == {"code": "UNAVAILABLE"}
    assert error["message"] == "no connection to the database was free for 0.1 s: try again"
    assert refusals == {"wait": 1}, "its three fields have waited once"
    assert later["actors"] == {"totalCount": 0}


async def test_readiness_and_lookups_by_key_are_answered_while_all_connections_are_in_use(path):
    async with running(path, readers=1, wait_seconds=0.1) as api, all_readers(api):
        ready = await api.client.get("/readyz")
        found = await api.ask('{ context(chittyId: "CHITTY-CONTEXT-NONE") { name } }')

        assert found == {"context": None}
        assert ready.status_code == 200
        assert refused(api) == {}


async def test_a_mutation_is_done_even_if_its_object_cannot_be_read_now(path):
    async with running(path, readers=1, wait_seconds=0.1) as api:
        async with all_readers(api):
            answer = await api.post(REGISTER)

        assert answer["data"]["registerActor"] == {"actor": None, "errors": []}
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAVAILABLE"}
        assert await api.rows(STORED) == [(1,)]


async def test_a_mutation_that_gets_no_turn_to_write_says_so_and_has_not_written(path):
    async with running(path, wait_seconds=0.1) as api:
        with locked(path):
            begun = asyncio.ensure_future(api.ask(REGISTER))
            await asyncio.sleep(0.05)
            late = await api.ask(REGISTER)
        done = await begun

        [error] = late["registerActor"]["errors"]
        assert (late["registerActor"]["actor"], error["code"]) == (None, "UNAVAILABLE")
        assert error["message"].startswith("nothing was written")
        assert done["registerActor"]["errors"] == []
        assert await api.rows(STORED) == [(1,)]


async def test_in_open_mode_each_address_has_a_share_of_the_connections(path):
    async with (
        running(path, readers=2, wait_seconds=0.1) as api,
        client_at(api, "203.0.113.1") as ada,
        client_at(api, "203.0.113.2") as bob,
        all_readers(api, share="203.0.113.1") as sessions,
    ):
        await ada.post(LISTS)
        same = refused(api)
        await bob.post(LISTS)
        other = refused(api)

        assert same == {"wait": 1}
        assert other == {"wait": 2, "share": 1}
        assert await sessions[0].run(names()) == []
        with pytest.raises(Overloaded, match="others wait to read"):
            await sessions[1].run(names())


async def test_in_protected_mode_each_actor_has_a_share_of_the_connections(path):
    async with protected_api(path, readers=2, wait_seconds=0.1) as api:
        ada, key = await api.newcomer("Ada")
        _, other_key = await api.newcomer("Bob")
        async with all_readers(api, share=ada):
            same_status = (await api.show(f"Bearer {key}", query=LISTS)).status_code
            same = refused(api)
            await api.show(f"Bearer {other_key}", query=LISTS)
            other = refused(api)

    assert (same_status, same) == (503, {"wait": 1})
    assert other == {"wait": 2, "share": 1}


async def test_an_operation_on_a_websocket_gets_the_error_and_the_socket_stays(path):
    async with running(path, readers=1, wait_seconds=0.1) as api:
        socket = Socket(api)
        await socket.opened()
        async with all_readers(api):
            refused_message = await socket.ask(LISTS)
        later = await socket.ask(LISTS)
        await socket.close()

    assert refused_message["type"] == "error"
    [error] = refused_message["payload"]
    assert error["extensions"] == {"code": "UNAVAILABLE"}
    assert later["type"] == "next"


class Socket:
    """A WebSocket of the running application, without a network."""

    def __init__(self, api: Api) -> None:
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        self._heard: asyncio.Queue[Message] = asyncio.Queue()
        scope = {
            "type": "websocket",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "root_path": "",
            "scheme": "ws",
            "headers": [(b"host", b"127.0.0.1")],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 80),
            "subprotocols": ["graphql-transport-ws"],
        }
        self._app = asyncio.ensure_future(api.app(scope, self._sent.get, self._heard.put))

    async def opened(self) -> None:
        self._sent.put_nowait({"type": "websocket.connect"})
        await self._heard.get()
        self._say({"type": "connection_init"})
        assert (await self._hear())["type"] == "connection_ack"

    async def ask(self, query: str) -> dict[str, Any]:
        """The first message about an operation."""
        self._say({"type": "subscribe", "id": "1", "payload": {"query": query}})
        message = await self._hear()
        if message["type"] == "next":
            assert (await self._hear())["type"] == "complete"
        return message

    async def close(self) -> None:
        self._sent.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self._app

    def _say(self, message: dict[str, Any]) -> None:
        self._sent.put_nowait({"type": "websocket.receive", "text": orjson.dumps(message).decode()})

    async def _hear(self) -> dict[str, Any]:
        message: dict[str, Any] = orjson.loads((await self._heard.get())["text"])
        return message
