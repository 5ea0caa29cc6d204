"""Groups tell a stranger nothing of rows that it does not see: no count, no sum, no object, no order."""

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from db.model.groupings import GROUPINGS
from db.model.tables import TABLES, Table
from tests.support.registries import separate_owners
from tests.support.registries.separate_owners import ADMIN, seen_by, tenant
from tests.support.services.api import Api, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
OBJECTS = {
    "owner": "owner { chittyId email sessionCount }",
    "installation": "installation { accountLogin suspendedBy { chittyId } }",
    "created": "created",
}
LISTS = {
    "actors": ("contexts", "connections", "suspendedInstallations"),
    "contexts": ("connections", "installations"),
    "installations": ("connections", "contexts"),
    "connections": (),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def views(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Api]]:
    """What one tenant is shown, by both executions, and by a registry of its own; the last is an admin's."""
    folder = tmp_path_factory.mktemp("strangers")
    both = [tenant("ASHX", 1_000, seed=1), tenant("OAKX", 2_000, seed=2)]
    me = both[0].actor
    rows = [row for each in both for row in each.rows]
    separate_owners.store(folder / "all.db", [*rows, ADMIN], [me, ADMIN.chitty_id])
    separate_owners.store(folder / "own.db", both[0].seen, [me])
    async with AsyncExitStack() as stack:
        shown = []
        for name, compiled in (("all", True), ("all", False), ("own", True)):
            settings = separate_owners.SETTINGS | {"compiled": compiled}
            api = await stack.enter_async_context(running(folder / f"{name}.db", **settings))
            shown.append(await stack.enter_async_context(seen_by(api, me)))
            if len(shown) == 1:
                admin = await stack.enter_async_context(seen_by(api, ADMIN.chitty_id))
        yield [*shown, admin]


def fields(table: Table[Any]) -> Iterator[str]:
    """Each way to group a list by up to two keys."""
    groupings = GROUPINGS[table]
    told = "requests errors lastUsedAt" if groupings.sums else ""
    for count in (1, 2):
        for names in itertools.combinations(groupings.keys, count):
            shown = {groupings.keys[name].field for name in names}
            if len(shown) == len(names):
                objects = " ".join(OBJECTS[name] for name in sorted(shown & OBJECTS.keys()))
                by = ", ".join(name.upper() for name in names)
                yield f"groups(by: [{by}]) {{ {objects} {told} count }}"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_a_stranger_gets_the_groups_of_a_registry_of_its_own(views: list[Api], table):
    *strangers, own, admin = views
    told = 0

    for field in fields(table):
        query = f"{{ {table.name} {{ {field} }} }}"
        expected = await own.post(query)
        told += expected != await admin.post(query)

        for stranger in strangers:
            assert await stranger.post(query) == expected, query

    assert told, "the admin sees more"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_groups_below_objects_are_those_of_a_registry_of_its_own(views: list[Api], table):
    *strangers, own, _ = views
    children = {each.name: each for each in TABLES}

    for name in LISTS[table.name]:
        child = children[name.removeprefix("suspended").lower()]
        inner = " ".join(
            f"g{place}: {each}" for place, each in enumerate(fields(child)) if place % 3 == 0
        )
        query = f"{{ {table.name}(first: 4) {{ nodes {{ id {name} {{ {inner} }} }} }} }}"
        expected = await own.post(query)

        assert "errors" not in expected, expected
        for stranger in strangers:
            assert await stranger.post(query) == expected, query
