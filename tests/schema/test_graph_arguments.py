"""Walks with any arguments are answered, or refused with a code that says what is allowed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from schema.fields import global_ids
from tests.support.registries.databases import demo_registry
from tests.support.services.api import Api, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
NAMED = '{ contextByName(name: "harbour-docs") { id owner { id } } }'
AROUND = """
    query ($of: ID!, $depth: Int!, $maxNodes: Int!, $kinds: [NodeKind!]) {
      neighborhood(of: $of, depth: $depth, maxNodes: $maxNodes, kinds: $kinds) {
        center { id } nodes { id } edges { from to relation } truncated
      }
    }
"""
PATH = """
    query ($from: ID!, $to: ID!, $maxDepth: Int!) {
      shortestPath(from: $from, to: $to, maxDepth: $maxDepth) { from to relation }
    }
"""
HUGE = 10**9
NOWHERE = ["", "x", "Q29udGV4dDo", global_ids.of_key("Service", "none"), "🦊", "a" * 10_000]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_registry(tmp_path_factory.mktemp("graph") / "demo.db")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(registry: Path) -> AsyncIterator[Api]:
    async with running(registry) as api:
        yield api


async def _asked(api: Api, query: str, **variables: Any) -> tuple[Any, str | None]:
    answer = await api.post(query, **variables)
    errors = answer.get("errors")
    return answer["data"], errors[0]["extensions"]["code"] if errors else None


@pytest.mark.parametrize("depth", [-1, 0, 1, 10, 11, HUGE])
@pytest.mark.parametrize("most", [-1, 0, 1, 1_000, 1_001, HUGE])
async def test_a_neighborhood_is_found_or_refused(api: Api, depth: int, most: int):
    center = (await api.ask(NAMED))["contextByName"]["id"]
    data, code = await _asked(api, AROUND, of=center, depth=depth, maxNodes=most)

    if not (1 <= depth <= 10 and 1 <= most <= 1_000):
        assert (data, code) == ({"neighborhood": None}, "BAD_WALK")
        return
    found = data["neighborhood"]
    assert code is None
    assert found["nodes"][0] == found["center"] == {"id": center}
    assert found["truncated"] or most > 1
    ids = {node["id"] for node in found["nodes"]}
    assert len(ids) == len(found["nodes"]) <= most
    assert all({edge["from"], edge["to"]} <= ids for edge in found["edges"])


async def test_kinds_limit_what_is_walked_and_shown(api: Api):
    center = (await api.ask(NAMED))["contextByName"]["id"]
    sizes = {"depth": 3, "maxNodes": 100}
    alone, _ = await _asked(api, AROUND, of=center, kinds=[], **sizes)
    owned, _ = await _asked(api, AROUND, of=center, kinds=["ACTOR"], **sizes)
    whole, _ = await _asked(api, AROUND, of=center, kinds=None, **sizes)

    assert [len(each["neighborhood"]["nodes"]) for each in (alone, owned)] == [1, 2]
    assert len(whole["neighborhood"]["nodes"]) == 100


@pytest.mark.parametrize("most", [-1, 0, 1, 20, 21, HUGE])
async def test_a_path_is_found_or_refused(api: Api, most: int):
    context = (await api.ask(NAMED))["contextByName"]
    ends = {"from": context["id"], "to": context["owner"]["id"]}
    data, code = await _asked(api, PATH, **ends, maxDepth=most)
    itself, _ = await _asked(api, PATH, **ends | {"to": context["id"]}, maxDepth=most)

    if not 1 <= most <= 20:
        assert (data, code) == ({"shortestPath": None}, "BAD_WALK")
        return
    owns = {"from": ends["to"], "to": ends["from"], "relation": "OWNS"}
    assert (data, code) == ({"shortestPath": [owns]}, None)
    assert itself == {"shortestPath": []}


@pytest.mark.parametrize("nowhere", NOWHERE)
async def test_what_does_not_exist_has_no_neighborhood_and_no_path(api: Api, nowhere: str):
    context = (await api.ask(NAMED))["contextByName"]["id"]
    around = await _asked(api, AROUND, of=nowhere, depth=1, maxNodes=1)
    paths = [
        await _asked(api, PATH, **{"from": one, "to": other}, maxDepth=6)
        for one, other in ((nowhere, context), (context, nowhere), (nowhere, nowhere))
    ]

    assert around == ({"neighborhood": None}, None)
    assert paths == [({"shortestPath": None}, None)] * 3
