"""An event is what a query for the same selection of the same change returns, on both execution paths."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.support.requests.event_streams import ACCEPT, listening
from tests.support.services.local_server import LocalServer, serving
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = [pytest.mark.waits, pytest.mark.asyncio(loop_scope="module")]

SELECTIONS = {
    "plain": "id cursor at operation cause kind entityId before after requestId",
    "names": "__typename mine: id entity { __typename i: id }",
    "relations": "actor { displayName } entity { ... on Context { owner { displayName }"
    " connections(first: $n) { totalCount nodes { targetService source { ... on Context { name } } } } } }",
    "fragments": "...A entity { ...B }",
    "conditions": "id @include(if: $yes) cause @skip(if: $yes) operation",
    "history": "entity { ... on Actor { history(first: $n) { nodes { operation } } } }",
    "errors": "entity { ... on Context { connections(first: $many) { totalCount } } }",
}
FRAGMENTS = {
    "fragments": "fragment A on Change { id ...C } fragment B on Node { id ... on Actor { displayName } }"
    " fragment C on Change { cause }"
}
VARIABLES = {"n": 2, "yes": True, "many": 1000}
TYPES = {"n": "Int", "yes": "Boolean!", "many": "Int"}
ADA = "CHITTY-ACTOR-3c17f5b6-5ae5-4134-acbb-c93068390c02"
WRITES = [
    ("registerActor", f'actorType: AI, displayName: "Ada", chittyId: "{ADA}"'),
    ("createContext", f'name: "one", owner: "{ADA}"'),
    ("updateActor", f'chittyId: "{ADA}", email: "ada@example.org"'),
]


async def written(server: LocalServer) -> None:
    for mutation, input_ in WRITES:
        query = f"mutation {{ {mutation}(input: {{ {input_} }}) {{ errors {{ code message }} }} }}"
        assert (await post(server, query))["data"] == {mutation: {"errors": []}}


async def post(server: LocalServer, query: str, **variables: Any) -> Any:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        answer = await client.post(server.url, json={"query": query, "variables": variables})
    return answer.json()


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[True, False], ids=["compiled", "generic"]
)
async def changed(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[LocalServer, str]]:
    """A server to which all has been written, and the place in its log before that."""
    path = tmp_path_factory.mktemp("changed") / "registry.db"
    async with serving(path, compiled=request.param) as server:
        async with listening(server.url, "subscription { changes { id } }") as stream:
            before = stream.last_id
        await written(server)
        yield server, before


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def empty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalServer]:
    """A server to which nothing is written, and which begins no stream."""
    async with serving(tmp_path_factory.mktemp("empty") / "registry.db") as server:
        yield server


@pytest.mark.parametrize("name", SELECTIONS)
async def test_an_event_is_what_a_query_returns(changed: tuple[LocalServer, str], name: str):
    server, before = changed
    variables: dict[str, Any] = VARIABLES
    selection, fragments = SELECTIONS[name], FRAGMENTS.get(name, "")
    used = {each: value for each, value in variables.items() if f"${each}" in selection}
    declared = "".join(f", ${each}: {TYPES[each]}" for each in used)
    live = f"subscription Live($f: ChangeFilter{declared}) {{ told: changes(filter: $f) {{ {selection} }} }}"
    asked = f"query One($id: ID!{declared}) {{ told: node(id: $id) {{ ... on Change {{ {selection} }} }} }}"
    place = {"last-event-id": before}
    async with listening(server.url, f"{live} {fragments}", place, **used) as stream:
        told = [await stream.next() for _ in range(3)]
    page = await post(server, "{ changes { nodes { id } } }")
    ids = [each["id"] for each in page["data"]["changes"]["nodes"]]
    expected = [await post(server, f"{asked} {fragments}", id=each, **used) for each in ids]

    for event, answer in zip(told, expected, strict=True):
        for error in (*event.get("errors", ()), *answer.get("errors", ())):
            error.pop("locations")
        if answer["data"] == {"told": None}:  # Change! has no null
            answer["data"] = None
        assert event == answer


async def test_the_cost_is_checked_before_anything_is_told(empty: LocalServer):
    connections = "connections(first: 100) { nodes { history(first: 100) { nodes { id } } } }"
    entity = f"entity {{ ... on Actor {{ contexts(first: 100) {{ nodes {{ {connections} }} }} }} }}"
    sent = {"query": f"subscription {{ changes {{ {entity} }} }}"}
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        answer = await client.post(empty.url, json=sent, headers=ACCEPT)

    (error,) = json.loads(answer.text.split("data: ")[1].split("\n")[0])["errors"]
    assert error["extensions"]["code"] == "TOO_COSTLY"


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("subscription($f: ChangeFilter!) { changes(filter: $f) { id } }", {}, "BAD_VARIABLES"),
        ("subscription($a: String) { changes(after: $a) { id } }", {"a": 1}, "BAD_VARIABLES"),
        ("subscription { changes(filter: { kinds: null }) { id } }", {}, "BAD_FILTER"),
        ("subscription { changes(filter: { kinds: [NOTHING] }) { id } }", {}, "INVALID_DOCUMENT"),
        ("subscription { nothing }", {}, "INVALID_DOCUMENT"),
        ("subscription { changes }", {}, "INVALID_DOCUMENT"),
    ],
)
async def test_what_does_not_fit_is_refused(
    empty: LocalServer, query: str, variables: Any, code: str
):
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        sent = {"query": query, "variables": variables}
        answer = await client.post(empty.url, json=sent, headers=ACCEPT)
    subscriptions = empty.app.service.metrics.subscriptions

    assert f'"code":"{code}"' in answer.text
    assert subscriptions == 0
