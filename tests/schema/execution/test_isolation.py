"""No operation of a tenant reads, shows or changes anything of another one.

A tenant gets, byte for byte, the answers that a registry would give which holds only what the tenant may
know.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from db.model import instants
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, TABLES, Table
from db.security import row_security
from tests.support.corpus import answers, non_canonical, operations, pool, times
from tests.support.corpus.marking import BY_CHANCE
from tests.support.corpus.operations import GRAPHQL, ROOM, Operation
from tests.support.corpus.pool import Pool
from tests.support.corpus.sharing import counts, ranges
from tests.support.registries import separate_owners
from tests.support.registries.databases import elsewhere
from tests.support.registries.separate_owners import ADMIN, Tenant, seen_by, tenant
from tests.support.running import garbage
from tests.support.services.api import Api, running

pytestmark = BY_CHANCE
QUERIES = 400
PORTIONS = ranges(QUERIES, 50, by_default=50)
MUTATIONS = counts(300, by_default=30)
# Operations that show something of the one who asks, and, to an admin, something of the other one.
LEAST_TELLING = 0.1
ENOUGH_TO_TELL = 150  # of fewer, chance decides how many show something
MARKS = ("ASHX", "OAKX")


def tenants(capabilities: str = "[]") -> list[Tenant]:
    return [
        tenant(mark, 1_000 * number, capabilities=capabilities, seed=number)
        for number, mark in enumerate(MARKS, start=1)
    ]


def store_shared(path: Path, both: list[Tenant], number: int = 0) -> None:
    """Make the registry of both, of whom this one's rows have the first changes."""
    rows = [row for each in both for row in each.rows]
    viewers = [ADMIN.chitty_id, *(each.actor for each in both)]
    separate_owners.store(path, [*rows, ADMIN], viewers, first=both[number].seen)


def spoil(path: Path, one: Tenant) -> None:
    """Store unreadable values in every row that only this tenant sees."""
    non_canonical.loosen(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in TABLES:
            keys = [getattr(row, table.key) for row in one.seen if isinstance(row, table.row)]
            connection.executemany(
                f"UPDATE {table.name} SET updated_at = 'yesterday' WHERE {table.key} = ?",
                [(key,) for key in keys],
            )


def store_alone(path: Path, number: int, capabilities: str = "[]") -> None:
    """Make a registry of only what one tenant may know; hidden values differ from the shared registry."""
    one = tenant(
        MARKS[number], 1_000 * (number + 1), capabilities=capabilities, seed=number + 1, hidden=99
    )
    separate_owners.store(path, [], [one.actor], first=one.seen)


@dataclass
class Views:
    """One tenant's services: the shared registry, compiled and generic, and a registry of its own."""

    compiled: Api
    generic: Api
    alone: Api
    pool: Pool

    async def leak(self, operation: Operation) -> str | None:
        """Return how an answer depends on other tenants' rows, or None."""
        expected = await answers.ask(self.alone, operation)
        for api in (self.compiled, self.generic):
            found = await answers.ask(api, operation)
            wrong = answers.fault(found) or answers.difference(expected, found)
            if wrong:
                return f"{wrong}\n{operation}"
        return None

    async def first_leak(self, numbers: range) -> str | None:
        """The first of the operations with these numbers that leaks, and how."""
        for number in numbers:
            if found := await self.leak(operations.query(self.pool, 6, number)):
                return found
        return None


@asynccontextmanager
async def views(folder: Path, number: int, *, spoilt: bool = False) -> AsyncIterator[Views]:
    both = tenants()
    store_shared(folder / "shared.db", both, number)
    if spoilt:
        spoil(folder / "shared.db", both[1 - number])
    store_alone(folder / "alone.db", number)
    settings = separate_owners.SETTINGS | ROOM
    async with AsyncExitStack() as stack:

        async def service(name: str, **more: Any) -> Api:
            return await stack.enter_async_context(
                running(folder / f"{name}.db", **settings, **more)
            )

        shared, generic = await service("shared"), await service("shared", compiled=False)
        alone = await service("alone")
        for api in (generic, alone):
            api.service.operations.documents = shared.service.operations.documents
        found = pool.read(folder / "shared.db")
        admin = await stack.enter_async_context(seen_by(shared, ADMIN.chitty_id))
        await pool.harvest(admin, found, GRAPHQL)
        compiled, on_generic, by_itself = [
            await stack.enter_async_context(seen_by(api, both[number].actor))
            for api in (shared, generic, alone)
        ]
        await _own_cursors(compiled, found)
        yield Views(compiled, on_generic, by_itself, found)
        garbage.collect()


async def _own_cursors(api: Api, found: Pool) -> None:
    """Add the cursors that the tenant gets itself to those that an admin could give it."""
    own = Pool()
    await pool.harvest(api, own, GRAPHQL)
    for page, orderings in own.cursors.items():
        for name, ordering in orderings.items():
            found.cursors[page][name].cursors.extend(ordering.cursors)
    # A cursor of another's change is one of the future in a registry without it.
    found.cursors[pool.OF_CHANGES] = own.cursors[pool.OF_CHANGES]
    for text, cursors in own.searches.items():
        found.searches[text] += cursors
    found.ids += own.ids


@pytest.mark.parametrize("portion_of_queries", PORTIONS)
@pytest.mark.parametrize("number", [0, 1])
async def test_a_tenant_gets_the_answers_of_a_registry_of_its_own(
    number: int, portion_of_queries: range, tmp_path: Path
):
    first = number * QUERIES + portion_of_queries.start
    async with views(tmp_path, number) as shown:
        assert await shown.first_leak(range(first, first + len(portion_of_queries))) is None


@pytest.mark.parametrize("portion_of_queries", PORTIONS)
async def test_unreadable_rows_of_other_tenants_change_no_answer(
    portion_of_queries: range, tmp_path: Path
):
    async with views(tmp_path, 0, spoilt=True) as shown:
        assert await shown.first_leak(portion_of_queries) is None


@pytest.mark.parametrize("queries", counts(QUERIES, by_default=ENOUGH_TO_TELL))
async def test_the_operations_show_own_rows_and_an_admin_the_others(queries: int, tmp_path: Path):
    async with views(tmp_path, 0) as shown, seen_by(shown.compiled, ADMIN.chitty_id) as admin:
        told: Counter[str] = Counter()
        for number in range(queries):
            operation = operations.query(shown.pool, 6, number)
            own, everything = [
                (await answers.ask(api, operation)).body.lower() for api in (shown.compiled, admin)
            ]
            told["own"] += MARKS[0].lower() in own
            told["foreign"] += MARKS[1].lower() in everything
        garbage.collect()

    assert min(told["own"], told["foreign"]) >= LEAST_TELLING * queries, told


@pytest.mark.parametrize("queries", counts(QUERIES, by_default=50))
async def test_an_admin_gets_the_answers_of_open_mode(queries: int, tmp_path: Path):
    file = tmp_path / "shared.db"
    store_shared(file, tenants())
    async with (
        running(file, **separate_owners.SETTINGS, **ROOM) as service,
        seen_by(service, ADMIN.chitty_id) as admin,
        running(file, introspection=True, **ROOM) as everyone,
    ):
        everyone.service.operations.documents = service.service.operations.documents
        found = pool.read(file)
        await pool.harvest(everyone, found, GRAPHQL)
        asked = [operations.query(found, 6, number) for number in range(queries)]
        asked = [each for each in asked if not re.search(r"\bviewer\b", each.document)]
        for operation in asked:
            expected = await answers.ask(everyone, operation)
            assert answers.difference(expected, await answers.ask(admin, operation)) is None
        garbage.collect()

    assert len(asked) > queries / 3


@pytest.mark.thorough
@pytest.mark.parametrize("way", ["_test", "_walked"])
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_a_table_without_its_rule_would_be_noticed(
    table: Table[Any], way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rule = getattr(row_security, way)
    everything = {"_test": "TRUE", "_walked": f"{table.name} AS own"}[way]
    monkeypatch.setattr(
        row_security, way, lambda extent, each: everything if each is table else rule(extent, each)
    )

    assert await _leaks(tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("table", [CONTEXTS, CONNECTIONS], ids=lambda table: table.name)
async def test_parents_whose_rows_are_allowed_to_everyone_would_be_noticed(
    table: Table[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rule = row_security._allowed
    monkeypatch.setattr(
        row_security,
        "_allowed",
        lambda extent, each, same: (
            next(iter(same.values())) if each is table else rule(extent, each, same)
        ),
    )

    assert await _leaks(tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("column", ACTORS.private)
async def test_a_private_column_that_is_not_hidden_would_be_noticed(
    column: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    value = row_security._value
    monkeypatch.setattr(
        row_security,
        "_value",
        lambda extent, table, row, name: (
            f"{row}.{name}" if name == column else value(extent, table, row, name)
        ),
    )

    assert await _leaks(tmp_path)


async def _leaks(folder: Path) -> bool:
    row_security._translated.cache_clear()
    try:
        async with views(folder, 0) as shown:
            return await shown.first_leak(range(8 * QUERIES)) is not None
    finally:
        row_security._translated.cache_clear()


@pytest.mark.parametrize("mutations", MUTATIONS)
@pytest.mark.parametrize("capabilities", ["[]", '["connections:report"]'], ids=["none", "report"])
async def test_mutations_depend_on_no_other_tenant_and_change_nothing_of_theirs(
    capabilities: str, mutations: int, tmp_path: Path
):
    since = instants.now()
    shared_file, alone_file = tmp_path / "shared.db", tmp_path / "alone.db"
    both = tenants(capabilities)
    store_shared(shared_file, both)
    store_alone(alone_file, 0, capabilities)
    foreign = stored(shared_file) - stored(alone_file)

    async with (
        running(shared_file, **separate_owners.SETTINGS, **ROOM) as shared,
        running(alone_file, compiled=False, **separate_owners.SETTINGS, **ROOM) as alone,
        seen_by(shared, both[0].actor) as found_by,
        seen_by(alone, both[0].actor) as expected_by,
    ):
        known = pool.read(shared_file)
        known.values["name"] = pool.read(alone_file).values["name"]  # the others are taken
        outcomes: Counter[str] = Counter()
        for number in range(mutations):
            operation = operations.mutation(known, 6, number)
            expected = times.answer(await answers.ask(expected_by, operation), since)
            found = times.answer(await answers.ask(found_by, operation), since)
            if await freed(alone, both):
                outcomes["taken"] += 1
                continue
            wrong = answers.fault(found) or answers.difference(expected, found)
            assert wrong is None, f"{wrong}\n{operation}"
            outcomes["refused" if '"code":' in found.body else "done"] += 1
        garbage.collect()

    assert foreign - stored(shared_file) == set()
    assert min(outcomes["refused"], outcomes["done"]) >= mutations / 10, outcomes
    assert outcomes["taken"] <= mutations / 20, outcomes


def stored(file: Path) -> set[str]:
    """Every row of a registry, as text."""
    with elsewhere(file) as connection:
        return {
            f"{table.name} {row!r}"
            for table in TABLES
            for row in connection.execute(f"SELECT * FROM {table.name}")
        }


async def freed(alone: Api, both: list[Tenant]) -> bool:
    """Whether an id was given to something new that is taken in the whole registry; it is free again."""
    found = False
    for row in [*both[0].unseen, *both[1].rows]:
        table = next(each for each in TABLES if isinstance(row, each.row))
        key = {"key": getattr(row, table.key)}
        if await alone.rows(f"SELECT 1 FROM {table.name} WHERE {table.key} = :key", **key):
            await alone.put(f"DELETE FROM {table.name} WHERE {table.key} = :key", **key)
            found = True
    return found
