"""Compiled execution answers as generic execution does, byte for byte, whatever is requested and stored.

`./run test tests/schema/execution/test_paths_agree.py --operations 100000 --seed 7` asks more and others.
"""

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from graphql import parse, validate

from db.model import instants
from db.model.tables import TABLES
from schema.compiled.compiler import source_of
from schema.fields.sources import OnlyGeneric
from schema.limits import document_size
from schema.limits.limits import LIMITS
from tests.support.corpus import answers, non_canonical, operations, pool, reach, shrink, times
from tests.support.corpus.marking import BY_CHANCE
from tests.support.corpus.operations import GRAPHQL, ROOM, Operation
from tests.support.corpus.pool import Pool
from tests.support.corpus.sharing import LOOSE, counts
from tests.support.engines.engine import present
from tests.support.running import garbage
from tests.support.services.api import Api, running

pytestmark = BY_CHANCE
FILL: dict[str, Callable[[Path, int], None]] = {
    "canonical": non_canonical.fill_canonical,
    "non_canonical": non_canonical.fill,
}
# How many of the operations take a plan to its end: the others are refused, fail, or meet a fault. Those
# with a field that no plan has do not count.
LEAST_COMPILED = {"canonical": 0.8, "non_canonical": 0.7}
ONLY_GENERIC = {
    f"Query.{name}"
    for name, field in GRAPHQL.query_type.fields.items()
    if isinstance(source_of(field), OnlyGeneric)
}
MUTATIONS = counts(250, by_default=25)


@dataclass
class Executions:
    """Two services over the same file: one that compiles operations and one that does not."""

    generic: Api
    compiled: Api
    pool: Pool

    async def wrong(self, operation: Operation) -> str | None:
        """What is wrong with the answers to an operation, or None."""
        expected = await answers.ask(self.generic, operation)
        found = await answers.ask(self.compiled, operation)
        return (
            answers.fault(expected) or answers.fault(found) or answers.difference(expected, found)
        )

    async def check(self, operation: Operation) -> None:
        """Fail with the smallest operation that is answered wrong, if this one is."""
        wrong = await self.wrong(operation)
        if wrong is None:
            return

        async def fails(candidate: Operation) -> bool:
            return _kind(await self.wrong(candidate)) == _kind(wrong)

        small = await shrink.smallest(operation, fails)
        pytest.fail(f"{await self.wrong(small)}\n{small}", pytrace=False)


def _kind(wrong: str | None) -> str:
    return (wrong or "").partition(":")[0]


@asynccontextmanager
async def both_executions(path: Path) -> AsyncIterator[Executions]:
    """Both services over a registry."""
    async with (
        running(path, compiled=False, **ROOM) as generic,
        running(path, compiled=True, **ROOM) as compiled,
    ):
        found = pool.read(path)
        await pool.harvest(generic, found, GRAPHQL)
        # Parsing and validating takes most of the time here, and is not what is compared.
        compiled.service.operations.documents = generic.service.operations.documents
        yield Executions(generic, compiled, found)


def taken(api: Api) -> tuple[int, dict[str, int]]:
    """How many operations a service carried out on a plan, and why it did not the others."""
    executor = api.service.operations.executor
    return executor.compiled, dict(executor.generic)


async def test_both_executions_give_the_same_answers(
    portion: tuple[str, int, range], tmp_path: Path
):
    registry, seed, numbers = portion
    FILL[registry](tmp_path / "registry.db", seed + numbers.start)

    async with both_executions(tmp_path / "registry.db") as executions:
        for number in numbers:
            operation = operations.query(executions.pool, seed, number)
            await executions.check(operation)
            if operation.variables and number % 3 == 0:
                await executions.check(operations.again(operation))
        compiled, generic = taken(executions.compiled)
        garbage.collect()

    others = sum(count for why, count in generic.items() if why not in ONLY_GENERIC)
    assert compiled >= LEAST_COMPILED[registry] * (compiled + others), generic
    assert [why for why in generic if why.startswith("failure")] == []


@pytest.mark.thorough
async def test_the_operations_are_valid_and_reach_the_whole_schema(tmp_path: Path):
    non_canonical.fill_canonical(tmp_path / "registry.db", seed=1)
    async with both_executions(tmp_path / "registry.db") as executions:
        documents = [
            parse(make(executions.pool, 1, number).document)
            for number in range(600)
            for make in (operations.query, operations.mutation)
        ]

    named = set().union(*(reach.named(GRAPHQL, document) for document in documents))

    assert reach.everything(GRAPHQL) - named == set()
    allowed = replace(LIMITS, aliases=ROOM["max_aliases"], directives=ROOM["max_directives"])
    assert [
        found for document in documents if (found := document_size.excess(document, allowed))
    ] == []
    assert [validate(GRAPHQL, document) for document in documents[::5]] == [[]] * 240


@pytest.mark.parametrize("mutations", MUTATIONS)
@pytest.mark.parametrize("registry", [pytest.param(name, marks=LOOSE[name]) for name in FILL])
async def test_both_executions_perform_the_same_mutations(
    registry: str, mutations: int, seed: int, tmp_path: Path
):
    since = instants.now()
    files = [tmp_path / name for name in ("generic.db", "compiled.db")]
    for file in files:
        FILL[registry](file, seed)

    async with (
        running(files[0], compiled=False, **ROOM) as generic,
        running(files[1], **ROOM) as compiled,
    ):
        found = pool.read(files[0])
        outcomes: Counter[str] = Counter()
        for number in range(mutations):
            operation = operations.mutation(found, seed, number)
            expected = times.answer(await answers.ask(generic, operation), since)
            answer = times.answer(await answers.ask(compiled, operation), since)
            wrong = answers.fault(expected) or answers.difference(expected, answer)
            if wrong:
                pytest.fail(f"{wrong}\n{operation}", pytrace=False)
            outcomes["refused" if '"code":' in answer.body else "done"] += 1
        on_plans, why_not = taken(compiled)
        garbage.collect()

    assert _stored(files[0], since) == _stored(files[1], since)
    assert min(outcomes.values()) >= mutations / 5, outcomes
    assert on_plans >= LEAST_COMPILED[registry] * mutations, why_not


def _stored(file: Path, since: str) -> list[str]:
    with closing(sqlite3.connect(present().file(file))) as connection:
        return [
            times.without(repr(row), since)
            for table in TABLES
            for row in connection.execute(f"SELECT * FROM {table.name} ORDER BY rowid")
        ]
