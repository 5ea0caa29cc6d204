"""Groups of lists are what Python counts over their rows, at the root and below, on both paths."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio

from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES, Table
from tests.support.corpus.sharing import ranges
from tests.support.expectations.groups import Asked
from tests.support.expectations.oracle import Oracle
from tests.support.expectations.random_filters import Filters
from tests.support.registries import random_registries
from tests.support.registries.random_registries import Registry
from tests.support.services.api import Api, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
CASES = 1_000
KEYS = {
    ACTORS: "chittyId",
    CONTEXTS: "chittyId",
    INSTALLATIONS: "installationId",
    CONNECTIONS: "connectionId",
}
RELATED: list[tuple[Table[Any], str]] = [
    (ACTORS, "contexts"),
    (ACTORS, "connections"),
    (ACTORS, "suspendedInstallations"),
    (CONTEXTS, "connections"),
    (CONTEXTS, "installations"),
    (INSTALLATIONS, "connections"),
    (INSTALLATIONS, "contexts"),
]


@dataclass(frozen=True)
class Filled:
    """One registry under compiled and under generic execution."""

    registry: Registry
    compiled: Api
    generic: Api

    async def answer(self, query: str, **variables: Any) -> Any:
        """What both answer."""
        compiled = await self.compiled.ask(query, **variables)
        assert await self.generic.ask(query, **variables) == compiled, (query, variables)
        return compiled


def small_counters(registry: Registry) -> Registry:
    """The registry with counters whose sum is less than 64 bits long, whichever of them are added up."""
    connections = [
        replace(each, request_count=each.request_count % 2**32) for each in registry.of(CONNECTIONS)
    ]
    return Registry(registry.rows | {CONNECTIONS.name: connections})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Filled]]:
    """A registry with small counters, and the same one with large ones."""
    folder = tmp_path_factory.mktemp("groups")
    large = random_registries.made(seed=23)
    async with AsyncExitStack() as stack:
        found = []
        for name, registry in (("small", small_counters(large)), ("large", large)):
            path = folder / f"{name}.db"
            api = await stack.enter_async_context(running(path))
            await random_registries.store(api, registry)
            generic = await stack.enter_async_context(running(path, compiled=False))
            found.append(Filled(registry, api, generic))
        yield found


@pytest.mark.parametrize("numbers", ranges(CASES, 25, by_default=CASES // 10))
async def test_groups_are_what_python_counts(filled, numbers: range):
    for number in numbers:
        one, chance = filled[number % 2], random.Random(number)
        table = chance.choice(TABLES)
        asked, filters = Asked(table, chance), Filters(one.registry, seed=number)
        given = filters.over(table, depth=chance.choice([0, 1, 2]))
        query = (
            f"query ($filter: {table.row.__name__}Filter) {{"
            f" {table.name}(first: 1, filter: $filter) {{ {asked.field} }} }}"
        )

        answer = await one.answer(query, filter=given)

        expected = asked.expected(Oracle(one.registry).listed(table, given))
        assert answer == {table.name: {"groups": expected}}, (number, query, given)


@pytest.mark.parametrize(("parent", "name"), RELATED)
@pytest.mark.parametrize("seed", [1, 2])
async def test_groups_of_relations_are_what_python_counts(
    filled, parent: Table[Any], name: str, seed: int
):
    one, chance = filled[seed % 2], random.Random(seed)
    oracle = Oracle(one.registry)
    child, _ = oracle.related(parent, name, one.registry.of(parent)[0])
    asked, given = Asked(child, chance), Filters(one.registry, seed).over(child, depth=0)
    query = (
        f"query ($filter: {child.row.__name__}Filter) {{ {parent.name}(first: 100) {{ nodes {{"
        f" {KEYS[parent]} {name}(first: 1, filter: $filter) {{ {asked.field} }} }} }} }}"
    )

    answer = await one.answer(query, filter=given)

    rows = {str(getattr(row, parent.key)): row for row in one.registry.of(parent)}
    nodes = answer[parent.name]["nodes"]
    assert nodes
    for node in nodes:
        _, related = oracle.related(parent, name, rows[node[KEYS[parent]]])
        assert node[name]["groups"] == asked.expected(oracle.listed(child, given, related))
