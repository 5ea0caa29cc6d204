"""Objects by id and by key: existing ones are found, impossible ids and keys are null."""

import base64
import string
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.registries import random_registries
from tests.support.services.api import Api, running

KEYS = """
    {
      actors(first: 2, filter: { status: {} }) { nodes { __typename id chittyId } }
      contexts(first: 2, filter: { status: {} }) { nodes { __typename id chittyId } }
      installations(first: 2, filter: { uninstalledAt: {} }) { nodes { __typename id installationId } }
      connections(first: 2, filter: { status: {} }) { nodes { __typename id connectionId } }
    }
"""
NODES = """
    query ($ids: [ID!]!) {
      nodes(ids: $ids) {
        __typename
        id
        ... on Actor { chittyId }
        ... on Context { chittyId }
        ... on Installation { installationId }
        ... on Connection { connectionId }
      }
    }
"""


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[False, True], ids=["generic", "compiled"]
)
async def api(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Api]:
    path = tmp_path_factory.mktemp("nodes") / "registry.db"
    async with running(path, compiled=request.param) as api:
        await random_registries.store(api, random_registries.made(5))
        yield api


async def stored(api: Api) -> list[dict[str, Any]]:
    """Two objects of each type, in any state."""
    answer = await api.ask(KEYS)
    return [node for found in answer.values() for node in found["nodes"]]


def global_id(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


async def test_every_object_is_found_again_by_its_id(api):
    objects = await stored(api)

    found = [
        (await api.ask("query ($id: ID!) { node(id: $id) { __typename id } }", id=each["id"]))[
            "node"
        ]
        for each in objects
    ]

    assert len(objects) == 8
    assert found == [{"__typename": each["__typename"], "id": each["id"]} for each in objects]


async def test_nodes_are_returned_in_the_order_of_their_ids_repeated_ones_too(api):
    objects = await stored(api)
    expected = [*objects[::-1], objects[3], objects[3]]

    answer = await api.ask(NODES, ids=[each["id"] for each in expected])

    assert answer["nodes"] == expected


async def test_a_node_that_does_not_exist_is_null_at_its_position(api):
    one, *_ = await stored(api)

    answer = await api.ask(NODES, ids=["nobody's", one["id"], global_id("Actor:CHITTY-NOBODY")])

    assert answer["nodes"] == [None, one, None]


async def test_ids_are_unique_across_all_types(api):
    answer = await api.ask("""{
        actors(first: 100) { nodes { id } } contexts(first: 100) { nodes { id } }
        installations(first: 100) { nodes { id } } connections(first: 100) { nodes { id } }
    }""")

    ids = [node["id"] for found in answer.values() for node in found["nodes"]]
    assert len(ids) == len(set(ids)) > 50


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "nobody's",
        "é",
        "🦊",
        "=",
        "A",
        "A" * 5000,
        global_id(""),
        global_id("Actor"),
        global_id("Actor:"),
        global_id("Actor:CHITTY-NOBODY"),
        global_id("Node:CHITTY-ACTOR-000001-AAAA"),
        global_id("actor:CHITTY-ACTOR-000001-AAAA"),
        global_id("Context:CHITTY-ACTOR-000001-AAAA"),
        global_id("Actor:chitty-actor-000001-aaaa"),
        global_id("Actor:did:chitty:CHITTY-ACTOR-000001-AAAA"),
        global_id("Actor:CHITTY-ACTOR-000001-AAAA\x00"),
        global_id("Installation:"),
        global_id("Installation:one"),
        global_id("Installation:01"),
        global_id("Installation:+1"),
        global_id("Installation: 1"),
        global_id("Installation:1.0"),
        global_id("Installation:\u0661"),
        global_id("Installation:-0"),
        global_id("Installation:9223372036854775808"),
        global_id("Installation:" + "9" * 5000),
        global_id("Actor:CHITTY-ACTOR-000001-AAAA") + "=",
        global_id("Actor:CHITTY-ACTOR-000001-AAAA") + "\n",
        global_id("Connection:\udcff".encode(errors="replace").decode()),
        base64.urlsafe_b64encode(b"Actor:\xff\xfe").decode().rstrip("="),
    ],
)
async def test_an_id_that_no_object_has_is_null(api, text: str):
    answer = await api.ask(
        "query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }", id=text
    )

    assert answer == {"node": None, "nodes": [None]}


async def test_a_node_has_exactly_the_id_that_was_sent(api):
    id_ = global_id("Installation:1")  # its last character has bits that mean nothing
    others = [id_[:-1] + last for last in string.ascii_letters + string.digits + "-_"]

    answer = await api.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=others)

    assert {"id": id_} in answer["nodes"]
    for other, found in zip(others, answer["nodes"], strict=True):
        assert found in (None, {"id": other})


async def test_at_most_a_hundred_ids_are_allowed(api):
    (one, *_), query = await stored(api), "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"

    most = await api.ask(query, ids=[one["id"]] * 100)
    too_many = await api.post(query, ids=[one["id"]] * 101)

    assert most["nodes"] == [{"id": one["id"]}] * 100
    assert too_many["data"] is None
    assert too_many["errors"][0]["extensions"]["code"] == "BAD_PAGE"


LOOKUPS = """
    query ($chittyId: ChittyID!, $name: String!, $connectionId: ID!) {
      actor(chittyId: $chittyId) { chittyId }
      context(chittyId: $chittyId) { chittyId }
      contextByName(name: $name) { name }
      connection(connectionId: $connectionId) { connectionId }
    }
"""


@pytest.mark.parametrize(
    "key", ["", " ", "nobody", "did:chitty:", "'; --", "🦊", "A" * 200, "\x00"]
)
async def test_a_lookup_of_what_cannot_exist_is_null(api, key: str):
    answer = await api.ask(LOOKUPS, chittyId=key, name=key + "!", connectionId=key)

    assert answer == {"actor": None, "context": None, "contextByName": None, "connection": None}


@pytest.mark.parametrize("number", ["0", "-1", "-9223372036854775808", "9223372036854775807"])
async def test_an_installation_that_does_not_exist_is_null(api, number: str):
    query = "query ($id: BigInt!) { installation(installationId: $id) { id } }"

    assert await api.ask(query, id=number) == {"installation": None}


async def test_lookups_accept_a_did_prefix_and_uppercase_uuids(api):
    _, actor, _, context, _, installation, _, connection = await stored(api)
    named = "query ($id: ChittyID!) { context(chittyId: $id) { chittyId name } }"
    name = (await api.ask(named, id=context["chittyId"]))["context"]["name"]

    answer = await api.ask(
        """
        query ($actor: ChittyID!, $context: ChittyID!, $name: String!, $id: BigInt!, $uuid: ID!) {
          actor(chittyId: $actor) { id }
          context(chittyId: $context) { id }
          contextByName(name: $name) { id }
          installation(installationId: $id) { id }
          connection(connectionId: $uuid) { id }
        }
        """,
        actor=f"did:chitty:{actor['chittyId']}",
        context=context["chittyId"],
        name=name,
        id=installation["installationId"],
        uuid=connection["connectionId"].upper(),
    )

    assert answer == {
        "actor": {"id": actor["id"]},
        "context": {"id": context["id"]},
        "contextByName": {"id": context["id"]},
        "installation": {"id": installation["id"]},
        "connection": {"id": connection["id"]},
    }


async def test_of_two_ids_that_differ_in_case_each_is_found_by_itself(api):
    *_, connection = await stored(api)
    lower = connection["connectionId"].replace("0", "a")
    ids = [lower, lower.upper(), "First", "first", f"conn-{lower}", f"CONN-{lower.upper()}"]
    for number, id_ in enumerate(ids):
        await api.put(
            "INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,"
            " created_at, updated_at) SELECT :id, source_chitty_id, source_type, :service, created_at,"
            " updated_at FROM connections LIMIT 1",
            id=id_,
            service=f"service {number}",
        )
    query = "query ($id: ID!) { connection(connectionId: $id) { connectionId } }"

    found = [(await api.ask(query, id=id_))["connection"] for id_ in [*ids, "FIRST"]]
    await api.put("DELETE FROM connections WHERE connection_id = :id", id=ids[-1])
    in_lowercase = await api.ask(query, id=ids[-1])

    assert found == [*({"connectionId": id_} for id_ in ids), None]
    assert in_lowercase == {"connection": {"connectionId": f"conn-{lower}"}}


async def test_in_open_mode_the_viewer_has_no_actor_and_is_admin(api):
    answer = await api.ask("{ viewer { actor { id } capabilities } }")

    assert answer == {"viewer": {"actor": None, "capabilities": ["admin"]}}
