"""Sockets of a protected service: a credential for each, and a look at its actor for every operation."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from tests.support.requests.websocket_clients import acknowledged, opened
from tests.support.services.commands import command
from tests.support.services.protected_service import WRONG, bearer, protected
from tests.support.services.server_process import TIMEOUT_SECONDS

SILENT = ("--log-level", "error")
WHO = "{ viewer { actor { chittyId } capabilities } }"
UPDATE = """
    mutation($id: ChittyID!, $held: [String!]) {
      updateActor(input: { chittyId: $id, capabilities: $held }) { errors { message } }
    }
"""
SUSPEND = (
    "mutation($id: ChittyID!) { suspendActor(input: { chittyId: $id }) { errors { message } } }"
)
REGISTER = """
    mutation {
      registerActor(input: { actorType: HUMAN, displayName: "Ada", capabilities: ["registry:read"] }) {
        actor { chittyId }
      }
    }
"""


class Protected(NamedTuple):
    url: str
    database: Path
    admin: str

    async def post(self, query: str, **variables: object) -> dict[str, object]:
        """What an admin is answered."""
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            answer = await client.post(
                self.url,
                json={"query": query, "variables": variables},
                headers={"authorization": self.admin},
            )
        found: dict[str, object] = answer.json()
        assert "errors" not in found, found
        return found["data"]  # type: ignore[return-value]

    async def newcomer(self) -> tuple[str, str]:
        """A new actor that may read everything, and what it shows."""
        data = await self.post(REGISTER)
        actor: str = data["registerActor"]["actor"]["chittyId"]  # type: ignore[index]
        made = command("keys", "create", "--actor", actor, "--database", self.database)
        return actor, bearer(made.stdout.strip())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    database = tmp_path_factory.mktemp("protected") / "registry.db"
    with protected(database, *SILENT) as (url, key):
        yield Protected(url, database, bearer(key))


@pytest.fixture
async def ada(server: Protected) -> tuple[str, str]:
    return await server.newcomer()


async def test_connection_init_carries_the_credential(server: Protected, ada):
    actor, shown = ada

    async with acknowledged(server.url, shown) as socket:
        answer = await socket.ask(WHO)

    assert answer["data"]["viewer"] == {
        "actor": {"chittyId": actor},
        "capabilities": ["registry:read"],
    }


async def test_a_header_may_carry_the_credential(server: Protected, ada):
    actor, shown = ada

    async with acknowledged(server.url, additional_headers={"Authorization": shown}) as socket:
        answer = await socket.ask(WHO)

    assert answer["data"]["viewer"]["actor"] == {"chittyId": actor}


async def test_an_invalid_header_opens_no_socket(server: Protected):
    with pytest.raises(InvalidStatus) as refused:
        async with opened(server.url, additional_headers={"Authorization": WRONG}):
            pass

    response = refused.value.response
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer ")
    assert json.loads(response.body)["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        ({}, 4403, "send a credential such as Authorization: Bearer cg_…"),
        ({"payload": None}, 4403, "send a credential such as Authorization: Bearer cg_…"),
        ({"payload": {"authorization": WRONG}}, 4403, "the API key is unknown"),
        (
            {"payload": {"authorization": 1}},
            4400,
            "authorization must be a text such as Bearer cg_…",
        ),
        ({"payload": []}, 4400, "the payload of connection_init must be a JSON object"),
    ],
    ids=["nothing", "null", "an unknown key", "a number", "a list"],
)
async def test_without_a_credential_no_operation_is_executed(
    server: Protected, message, code, reason
):
    async with opened(server.url) as socket:
        await socket.say("connection_init", **message)
        await socket.subscribe(WHO)

        assert await socket.closed() == (code, reason)


async def test_a_suspended_actor_is_disconnected_at_its_next_operation(server: Protected, ada):
    actor, shown = ada
    async with acknowledged(server.url, shown) as socket:
        before = await socket.ask("{ actors { totalCount } }")
        await server.post(SUSPEND, id=actor)
        await socket.subscribe("{ actors { totalCount } }")

        code, reason = await socket.closed()

    assert before["data"]["actors"]["totalCount"] > 0
    assert (code, reason) == (4403, "the credential's actor is suspended")


async def test_a_capability_that_is_lost_is_lost_on_open_sockets(server: Protected, ada):
    actor, shown = ada
    async with acknowledged(server.url, shown) as socket:
        before = await socket.ask("{ actors { totalCount } }")
        await server.post(UPDATE, id=actor, held=[])
        after = await socket.ask("{ actors { totalCount } }")

    assert before["data"]["actors"]["totalCount"] > 1
    assert after["data"]["actors"]["totalCount"] == 1


async def test_a_key_that_is_revoked_ends_an_open_socket(server: Protected, ada):
    _, shown = ada
    async with acknowledged(server.url, shown) as socket:
        await socket.ask(WHO)
        key_id = shown.split("_")[1]
        assert command("keys", "revoke", key_id, "--database", server.database).returncode == 0
        await socket.subscribe(WHO)

        assert await socket.closed() == (4403, "the API key was revoked: use another")


async def test_pages_of_other_origins_may_connect_in_protected_mode(server: Protected, ada):
    _, shown = ada

    async with acknowledged(server.url, shown, origin="https://app.example") as socket:
        assert (await socket.ask(WHO))["data"]["viewer"]


async def test_an_actor_over_its_rate_limit_gets_an_error_and_keeps_its_socket(tmp_path: Path):
    few = ("--points-per-minute", "20")
    with protected(tmp_path / "registry.db", *SILENT, *few) as (url, key):
        async with acknowledged(url, bearer(key)) as socket:
            await socket.ask("{ actors(first: 20) { nodes { chittyId } } }")
            refused = await socket.refused("{ actors(first: 20) { nodes { chittyId } } }")
            free = await socket.ask("{ __typename }")

    assert refused["extensions"]["code"] == "TOO_MANY_REQUESTS"
    assert refused["extensions"]["throttle"]["perMinute"] == 20
    assert refused["extensions"]["throttle"]["retryAfterSeconds"] > 0
    assert free == {"data": {"__typename": "Query"}}


async def test_failed_credentials_on_sockets_count_for_their_address(tmp_path: Path):
    few = ("--failed-credentials-per-minute", "3")
    with protected(tmp_path / "registry.db", *SILENT, *few) as (url, _):
        codes = []
        for _ in range(4):
            async with opened(url) as socket:
                await socket.say("connection_init", payload={"authorization": WRONG})
                codes.append((await socket.closed())[0])
        with pytest.raises(InvalidStatus) as refused:
            async with opened(url, additional_headers={"Authorization": WRONG}):
                pass

    assert codes == [4403, 4403, 4403, 1013]
    assert refused.value.response.status_code == 429
    assert int(refused.value.response.headers["retry-after"]) > 0
