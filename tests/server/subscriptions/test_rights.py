"""What a listener is told depends on its rights at that moment; lost rights end its stream."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from db.errors import Unavailable
from tests.support.requests.event_streams import Stream, listening
from tests.support.requests.websocket_clients import acknowledged
from tests.support.running.waiting import eventually
from tests.support.services.asgi_client import AsgiClient
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.protected_service import ProtectedApi, bearer

pytestmark = pytest.mark.waits

CHANGES = """
    subscription($after: String) {
      changes(after: $after) { cursor operation kind entity { ... on Actor { displayName email } } after }
    }
"""
SUSPEND = "UPDATE actors SET status = 'suspended' WHERE chitty_id = :id"
RENAME = "UPDATE actors SET display_name = :name WHERE chitty_id = :id"
GRANT = "UPDATE actors SET capabilities = :capabilities WHERE chitty_id = :id"
NOW = "2026-01-01T00:00:00.000Z"
INSTALL = f"""
    INSERT INTO installations (
        installation_id, chitty_id, account_id, account_login, account_type, repository_selection,
        suspended_at, suspended_by_chitty_id, installed_at, updated_at
    )
    VALUES (7, 'CHITTY-INSTALL-7', 1, 'acme', 'User', 'all', '{NOW}', :actor, '{NOW}', '{NOW}')
"""
REVOKE = "UPDATE api_keys SET revoked_at = '2026-01-01T00:00:00.000Z'"


@asynccontextmanager
async def protected(folder: Path) -> AsyncIterator[tuple[LocalServer, ProtectedApi]]:
    async with (
        serving(folder / "registry.db", auth="protected") as server,
        AsgiClient(server.app) as client,
    ):
        yield server, ProtectedApi(server.app, client)


def shown(key: str) -> dict[str, str]:
    return {"authorization": bearer(key)}


async def change(stream: Stream) -> dict[str, object]:
    told: dict[str, object] = (await stream.next())["data"]["changes"]
    return told


async def error(stream: Stream) -> tuple[str, str]:
    """The code of the error that ends the stream, and where to go on."""
    (told,) = (await stream.next())["errors"]
    end = await stream.hear()
    assert end is not None
    assert end.name == "complete"
    assert await stream.hear() is None
    return told["extensions"]["code"], told["extensions"]["cursor"]


async def test_a_stranger_is_told_of_its_own_rows_only(tmp_path: Path):
    async with protected(tmp_path) as (server, api):
        ada, key = await api.newcomer("Ada")
        async with listening(server.url, CHANGES, shown(key)) as stream:
            await api.newcomer("Bert")
            await api.put(RENAME, id=ada, name="Ada Lovelace")
            told = await change(stream)

    assert told["entity"] == {"displayName": "Ada Lovelace", "email": None}


async def test_private_columns_are_hidden_as_in_a_query(tmp_path: Path):
    async with protected(tmp_path) as (server, api):
        _, key = await api.newcomer("Ada", "installations:write")
        bert, _ = await api.newcomer("Bert")
        async with listening(server.url, CHANGES, shown(key)) as stream:
            await api.put(INSTALL, actor=bert)
            assert (await change(stream))["kind"] == "INSTALLATION"
            await api.put(RENAME, id=bert, name="Bertram")
            told = await change(stream)

    assert told["entity"] == {"displayName": "Bertram", "email": None}
    assert told["after"] == {"displayName": "Bertram"}


async def test_a_suspended_actor_is_told_of_nothing_more(tmp_path: Path):
    async with protected(tmp_path) as (server, api):
        ada, key = await api.newcomer("Ada", "registry:read")
        async with listening(server.url, CHANGES, shown(key)) as stream:
            await api.put(RENAME, id=ada, name="Ada L.")
            before = await change(stream)
            await api.put(SUSPEND, id=ada)
            await api.newcomer("Bert")
            code, cursor = await error(stream)

    assert before["operation"] == "UPDATED"
    assert code == "UNAUTHENTICATED"
    assert cursor


async def test_a_revoked_key_ends_the_stream_with_the_next_event(tmp_path: Path):
    async with protected(tmp_path) as (server, api):
        _, key = await api.newcomer("Ada", "registry:read")
        async with acknowledged(server.url, bearer(key)) as socket:
            await socket.subscribe(CHANGES)
            metrics = server.app.service.metrics
            await eventually(lambda: metrics.subscriptions == 1)
            await api.put(REVOKE)
            await api.actor("Bert")
            message = await socket.hear()

    assert message["type"] == "error"
    (told,) = message["payload"]
    assert told["message"] == "the API key was revoked: use another"
    assert told["extensions"]["code"] == "UNAUTHENTICATED"
    assert metrics.subscriptions_ended == {"rights": 1}


async def test_a_lost_capability_ends_the_stream_and_a_new_one_widens_it(tmp_path: Path):
    async with protected(tmp_path) as (server, api):
        ada, key = await api.newcomer("Ada")
        async with listening(server.url, CHANGES, shown(key)) as stream:
            await api.put(GRANT, id=ada, capabilities='["registry:read"]')
            assert (await change(stream))["operation"] == "UPDATED"
            await api.actor("Bert")
            widened = await change(stream)
        async with listening(server.url, CHANGES, shown(key)) as stream:
            await api.put(GRANT, id=ada, capabilities="[]")
            code, cursor = await error(stream)

        async with listening(server.url, CHANGES, shown(key) | {"last-event-id": cursor}) as stream:
            again = await change(stream)

    assert widened["entity"] == {"displayName": "Bert", "email": None}
    assert code == "FORBIDDEN"
    assert again["operation"] == "UPDATED"


async def test_listeners_with_other_credentials_share_nothing(tmp_path: Path):
    async with protected(tmp_path) as (server, api):
        ada, of_ada = await api.newcomer("Ada")
        bert, of_bert = await api.newcomer("Bert")
        async with (
            listening(server.url, CHANGES, shown(of_ada)) as one,
            listening(server.url, CHANGES, shown(of_bert)) as other,
        ):
            await api.put(RENAME, id=ada, name="first")
            await api.put(RENAME, id=bert, name="second")
            told = [(await change(each))["entity"] for each in (one, other)]

    assert told == [
        {"displayName": "first", "email": None},
        {"displayName": "second", "email": None},
    ]


async def test_a_change_that_is_gone_when_it_is_read_again_is_no_event(tmp_path: Path):
    gone = 1_000_000
    async with serving(tmp_path / "registry.db") as server, listening(server.url, CHANGES):
        (listener,) = server.app.service.subscriptions._listeners
        with pytest.raises(Unavailable):
            await listener.topic.events(listener.subscriber.viewer, [gone], "a request")
