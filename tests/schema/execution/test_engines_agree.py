"""Engines over HTTP answer as SQLite does, byte for byte, whoever asks, on both execution paths.

`./run test tests/schema/execution/test_engines_agree.py --thorough --operations 2000 --seed 7` asks more, and
others.
"""

import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from db.model import instants
from db.model.tables import TABLES
from tests.support.corpus import answers, non_canonical, operations, pool, times
from tests.support.corpus.answers import Answer
from tests.support.corpus.marking import BY_CHANCE
from tests.support.corpus.operations import GRAPHQL, ROOM, Operation
from tests.support.corpus.pool import Pool
from tests.support.corpus.sharing import shares
from tests.support.engines.engine import Files, present
from tests.support.registries import separate_owners
from tests.support.registries.separate_owners import ADMIN, seen_by, tenant
from tests.support.running import garbage
from tests.support.services.api import Api, running

pytestmark = [
    *BY_CHANCE,
    pytest.mark.over_http("what it compares the engines with is SQLite itself"),
]
VIEWERS = ("everyone", "an owner", "an auditor")
OPERATIONS, PORTION = 200, 25
SEQUENCES, LENGTH, SOME = 20, 8, 2
# The part of the answers with which an engine refuses what it cannot express or carry out.
MOST_LIMITED = 0.3


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Cut operations and sequences into portions; the default run takes the first one of each."""
    count, seed = [metafunc.config.getoption(name) for name in ("operations", "seed")]
    cuts = {
        "queries": shares(count or OPERATIONS, PORTION, by_default=1),
        "sequences": shares(count // 4 if count else SEQUENCES, SOME, by_default=1),
    }
    for name, cut in cuts.items():
        if name in metafunc.fixturenames:
            cases = [
                pytest.param(
                    (seed, numbers, VIEWERS[place % len(VIEWERS)]),
                    id=f"seed-{seed}-from-{numbers.start}",
                    marks=marks,
                )
                for place, (numbers, marks) in enumerate(cut)
            ]
            metafunc.parametrize(name, cases)


@dataclass
class Compared:
    """A viewer's services: over a file, and over the engine by generic and by compiled execution."""

    expected: Api
    found: list[Api]
    files: list[Path]  # in the same order
    pool: Pool
    outcomes: Counter[str] = field(default_factory=Counter)

    async def check(self, operation: Operation, since: str = "") -> None:
        """Fail if an answer, without the times since then, is another than SQLite's."""
        expected = await self._answer(self.expected, operation, since)
        for api in self.found:
            found = await self._answer(api, operation, since)
            if "ENGINE_LIMIT" in found.codes:
                self.outcomes["limited"] += 1
                continue
            wrong = answers.fault(found) or answers.difference(expected, found)
            if wrong:
                pytest.fail(f"{wrong}\n{operation}", pytrace=False)
            self.outcomes["refused" if '"code":' in found.body else "done"] += 1

    async def _answer(self, api: Api, operation: Operation, since: str) -> Answer:
        answer = await answers.ask(api, operation)
        return times.answer(answer, since) if since else answer


@asynccontextmanager
async def compared(
    folder: Path, seed: int, viewer: str, *, known: Pool | None = None, apart: bool = False
) -> AsyncIterator[Compared]:
    """The services of a registry that holds the same in each; `apart`, each writes one of its own.

    `known` is the pool of another registry of the same seed.
    """
    original, settings, actor = fill(folder / "registry.db", seed, viewer)
    names = ["generic.db", "compiled.db"] if apart else ["shared.db"] * 2
    files = [folder / name for name in names]
    for file in {*files}:
        shutil.copy(original, file)
    async with AsyncExitStack() as stack:

        async def service(file: Path, **more: Any) -> Api:
            return await stack.enter_async_context(running(file, **settings, **ROOM, **more))

        expected = await service(original, on=Files())
        over_http = [
            await service(file, compiled=compiled)
            for file, compiled in zip(files, (False, True), strict=True)
        ]
        for api in over_http:
            api.service.operations.documents = expected.service.operations.documents
        expected, *shown = [
            await stack.enter_async_context(seen_by(api, actor)) if actor else api
            for api in (expected, *over_http)
        ]
        if known is None:
            known = pool.read(original)
            await pool.harvest(expected, known, GRAPHQL)
        yield Compared(expected, shown, [original, *files], known)
        garbage.collect()


def fill(path: Path, seed: int, viewer: str) -> tuple[Path, dict[str, Any], str | None]:
    """Make a registry; its file, how it is served, and who asks."""
    if viewer == "everyone":
        non_canonical.fill_canonical(path, seed)
        return path, {}, None
    capabilities = '["audit:read"]' if viewer == "an auditor" else "[]"
    both = [tenant("ASHX", 1_000, capabilities=capabilities, seed=seed), tenant("OAKX", 2_000)]
    rows = [*(row for each in both for row in each.rows), ADMIN]
    separate_owners.store(path, rows, [ADMIN.chitty_id, both[0].actor], first=both[0].seen)
    return path, separate_owners.SETTINGS, both[0].actor


async def test_queries_get_sqlites_answers(
    queries: tuple[int, range, str],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
):
    seed, numbers, viewer = queries

    async with compared(tmp_path, seed + numbers.start, viewer) as services:
        for number in numbers:
            operation = operations.query(services.pool, seed, number)
            await services.check(operation)

    record_property("outcomes", dict(services.outcomes))
    assert services.outcomes["limited"] <= MOST_LIMITED * services.outcomes.total()


async def test_mutations_get_sqlites_answers_and_store_its_rows(
    sequences: tuple[int, range, str],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
):
    seed, numbers, viewer = sequences
    outcomes: Counter[str] = Counter()
    known = None
    for number in numbers:
        since, folder = instants.now(), tmp_path / str(number)
        folder.mkdir()
        more: Any = {"known": known, "apart": True}
        async with compared(folder, seed + numbers.start, viewer, **more) as services:
            known = services.pool
            for place in range(LENGTH):
                operation = operations.mutation(services.pool, seed, number * LENGTH + place)
                await services.check(operation, since)
            stored = [rows_of(file, since) for file in services.files]
        outcomes += services.outcomes
        if not services.outcomes["limited"]:
            assert stored == stored[:1] * 3

    record_property("outcomes", dict(outcomes))
    assert outcomes["limited"] <= MOST_LIMITED * outcomes.total()


def rows_of(file: Path, since: str) -> list[str]:
    """Every row of a registry, without the times since then."""
    with closing(sqlite3.connect(present().file(file))) as connection:
        return [
            times.without(repr(row), since)
            for table in TABLES
            for row in connection.execute(f"SELECT * FROM {table.name} ORDER BY rowid")
        ]
