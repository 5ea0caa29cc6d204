"""Groups of lists are what Python counts over their rows, at the root and below, on both paths."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
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


@pytest.fixture(scope="module")
def registry() -> Registry:
    return random_registries.made(seed=23)


@pytest.fixture(scope="module")
def stored(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("groups") / "registry.db"

    async def fill() -> None:
        async with running(path) as api:
            await random_registries.store(api, registry)

    asyncio.run(fill())
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(stored: Path) -> AsyncIterator[Api]:
    async with running(stored) as api:
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def generic(stored: Path) -> AsyncIterator[Api]:
    async with running(stored, compiled=False) as api:
        yield api


@pytest.mark.parametrize("numbers", ranges(CASES, 25, by_default=CASES // 10))
async def test_groups_are_what_python_counts(api, generic, registry, numbers: range):
    oracle = Oracle(registry)

    for number in numbers:
        chance = random.Random(number)
        table = chance.choice(TABLES)
        asked, filters = Asked(table, chance), Filters(registry, seed=number)
        given = filters.over(table, depth=chance.choice([0, 1, 2]))
        query = (
            f"query ($filter: {table.row.__name__}Filter) {{"
            f" {table.name}(first: 1, filter: $filter) {{ {asked.field} }} }}"
        )

        compiled = await api.ask(query, filter=given)
        resolved = await generic.ask(query, filter=given)

        wanted = asked.expected(oracle.listed(table, given))
        assert compiled == {table.name: {"groups": wanted}}, (number, query, given)
        assert resolved == compiled, (number, query, given)


@pytest.mark.parametrize(("parent", "name"), RELATED)
@pytest.mark.parametrize("seed", [1, 2])
async def test_groups_of_relations_are_what_python_counts(
    api, generic, registry, parent: Table[Any], name: str, seed: int
):
    oracle, chance = Oracle(registry), random.Random(seed)
    child, _ = oracle.related(parent, name, registry.of(parent)[0])
    asked, given = Asked(child, chance), Filters(registry, seed).over(child, depth=0)
    query = (
        f"query ($filter: {child.row.__name__}Filter) {{ {parent.name}(first: 100) {{ nodes {{"
        f" {KEYS[parent]} {name}(first: 1, filter: $filter) {{ {asked.field} }} }} }} }}"
    )

    compiled = await api.ask(query, filter=given)
    resolved = await generic.ask(query, filter=given)

    rows = {str(getattr(row, parent.key)): row for row in registry.of(parent)}
    nodes = compiled[parent.name]["nodes"]
    assert nodes
    for node in nodes:
        _, related = oracle.related(parent, name, rows[node[KEYS[parent]]])
        assert node[name]["groups"] == asked.expected(oracle.listed(child, given, related))
    assert resolved == compiled
