"""Walks, services and statistics are executed on plans, with the bytes of generic execution."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from db.model.graph import Place
from db.model.tables import CONNECTIONS
from schema.walks import id_of
from tests.support.expectations.graph_reference import places
from tests.support.registries import random_registries
from tests.support.services.api import Api, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
REGISTRY = random_registries.made(11)
IDS = [id_of(place) for place in places(REGISTRY)]
AROUND = """
query ($of: ID!, $depth: Int!, $most: Int!, $kinds: [NodeKind!], $centered: Boolean!) {
  __typename
  around: neighborhood(of: $of, depth: $depth, maxNodes: $most, kinds: $kinds) {
    __typename
    truncated
    ends: edges { __typename to from relation }
    center @include(if: $centered) { ...all }
    nodes { ...all }
    again: nodes { id ... on Service { stats { total } } }
    edges { relation }
  }
  alone: neighborhood(of: $of, maxNodes: 1) { nodes { id } }
}
fragment all on Node {
  __typename
  id
  ... on Actor { displayName contexts(first: 2) { totalCount nodes { name owner { id } } } }
  ... on Context { data owner { displayName } }
  ... on Installation { accountLogin suspendedBy { id } }
  ... on Connection { config errorCount source { ... on Context { name } ... on Actor { email } } }
  ... on Service { name stats { total byStatus { status count } requests errors __typename } }
}
"""
PATHS = """
query ($from: ID!, $to: ID!, $most: Int!) {
  shortestPath(from: $from, to: $to, maxDepth: $most) { from to relation __typename }
  back: shortestPath(from: $to, to: $from) { relation }
}
"""
LISTS = """
query ($first: Int, $filter: StringFilter) {
  services(first: $first, filter: $filter) {
    totalCount
    nodes { name stats { requests } contexts(first: 1) { totalCount nodes { id } } }
    edges { cursor node { id stats { total } } }
    pageInfo { hasNextPage endCursor }
  }
  registryStats {
    __typename
    actors
    number: contexts
    installations
    connections { total byStatus { __typename status count } requests failures: errors }
  }
}
"""


class Both:
    """One registry under compiled and under generic execution."""

    def __init__(self, compiled: Api, generic: Api) -> None:
        self.compiled, self.generic = compiled, generic

    async def same(self, query: str, **variables: object) -> None:
        """Fail unless a plan answers this as generic execution does."""
        sent = {"query": query, "variables": variables}
        before = self.fallbacks
        compiled = await self.compiled.client.answer(sent)
        generic = await self.generic.client.answer(sent)
        assert compiled.body == generic.body
        assert b'"errors":[' not in generic.body
        assert self.fallbacks == before

    @property
    def fallbacks(self) -> dict[str, int]:
        return dict(self.compiled.service.operations.executor.generic)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    path: Path = tmp_path_factory.mktemp("walks") / "registry.db"
    async with AsyncExitStack() as stack:
        apis = [
            await stack.enter_async_context(running(path, compiled=compiled))
            for compiled in (True, False)
        ]
        # Made again, of what the engine can hold.
        await random_registries.store(apis[0], random_registries.made(11))
        yield Both(*apis)


@pytest.mark.parametrize(("depth", "most", "kinds"), [(1, 200, None), (3, 12, None), (4, 60, [])])
async def test_neighborhoods_are_the_same_on_both_paths(both: Both, depth, most, kinds):
    for number, of in enumerate(IDS[::5]):
        await both.same(
            AROUND, of=of, depth=depth, most=most, kinds=kinds, centered=bool(number % 2)
        )


@pytest.mark.parametrize("few", [1_000, 0])
async def test_paths_are_the_same_on_both_paths(
    both: Both, monkeypatch: pytest.MonkeyPatch, few: int
):
    monkeypatch.setattr("db.queries.paths.FEW", few)  # so that every object is a hub
    for number, one in enumerate(IDS[::4]):
        await both.same(PATHS, **{"from": one, "to": IDS[-number * 3 - 1], "most": 1 + number % 8})


async def test_services_and_statistics_are_the_same_on_both_paths(both: Both):
    for first in (1, 3, 100):
        for filter_ in (None, {"startsWith": "G", "ignoreCase": True}, {"in": ["slack"]}):
            await both.same(LISTS, first=first, filter=filter_)


async def test_several_walks_of_one_operation_together_read_no_more_rows_than_it_may(
    both: Both, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("resolvers.loaders.ROWS_PER_OPERATION", 150)
    monkeypatch.setattr("schema.compiled.plan.ROWS_PER_OPERATION", 150)
    busiest = max(REGISTRY.of(CONNECTIONS), key=lambda row: row.created_at)
    center = id_of(Place(CONNECTIONS, busiest.connection_id))
    aliases = (f"a{n}: neighborhood(of: $of, depth: 5) {{ truncated }}" for n in range(9))
    query = f"query ($of: ID!) {{ {' '.join(aliases)} }}"

    answers = [await api.post(query, of=center) for api in (both.compiled, both.generic)]

    for answer in answers:
        assert {each["extensions"]["code"] for each in answer["errors"]} == {"TOO_MANY_ROWS"}
        assert answer["data"]["a8"] is None
