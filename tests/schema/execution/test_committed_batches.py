"""Mutations are right where each batch is committed before Python sees its rows.

No rule may be a veto in Python that undoes what a batch wrote: an engine over HTTP cannot undo it.

`./run test tests/schema/execution/test_committed_batches.py --seed 7` makes other mutations.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from db.model import instants
from db.model.tables import TABLES
from tests.support.corpus import answers, non_canonical, operations, pool, times
from tests.support.corpus.marking import BY_CHANCE
from tests.support.corpus.operations import ROOM
from tests.support.corpus.sharing import counts
from tests.support.running import garbage
from tests.support.services.api import running
from tests.support.services.sqlite_transport import running_remote

pytestmark = [
    *BY_CHANCE,
    pytest.mark.files_only("it compares a file with an engine of its own that commits each batch"),
]
FILL: dict[str, Callable[[Path, int], None]] = {
    "canonical": non_canonical.fill_canonical,
    "non_canonical": non_canonical.fill,
}
MUTATIONS = counts(250, by_default=25)
COMPARED = 10  # how many mutations come between two looks at all rows
CHANGES = (
    "SELECT sequence, actor, cause, kind, key, operation, is_private, before, after FROM changes"
)
WRITTEN = [
    *[f"SELECT * FROM {table.name} ORDER BY 1" for table in TABLES],
    "SELECT * FROM installation_facts ORDER BY 1, 2",
    f"{CHANGES} ORDER BY 1",
]


@pytest.mark.parametrize("mutations", MUTATIONS)
@pytest.mark.parametrize("registry", FILL)
async def test_mutations_write_the_same_where_batches_are_committed_before_their_rows_are_seen(
    registry: str, mutations: int, seed: int, tmp_path: Path
):
    since = instants.now()
    files = [tmp_path / name for name in ("file.db", "remote.db")]
    for file in files:
        FILL[registry](file, seed)

    async with running(files[0], **ROOM) as embedded, running_remote(files[1], **ROOM) as remote:
        found = pool.read(files[0])
        outcomes: Counter[str] = Counter()
        for number in range(mutations):
            operation = operations.mutation(found, seed, number)
            expected = times.answer(await answers.ask(embedded, operation), since)
            answer = times.answer(await answers.ask(remote, operation), since)
            wrong = answers.fault(expected) or answers.difference(expected, answer)
            if wrong:
                pytest.fail(f"{wrong}\n{operation}", pytrace=False)
            outcomes["refused" if '"code":' in answer.body else "done"] += 1
            if number % COMPARED == 0 or number == mutations - 1:
                assert _stored(files[0], since) == _stored(files[1], since), operation
        garbage.collect()

    assert min(outcomes.values()) >= mutations / 5, outcomes


def _stored(file: Path, since: str) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [
            times.without(repr(row), since) for sql in WRITTEN for row in connection.execute(sql)
        ]


@pytest.mark.parametrize("mutations", MUTATIONS)
async def test_mutations_with_keys_are_answered_the_same_and_written_once(
    mutations: int, seed: int, tmp_path: Path
):
    since = instants.now()
    files = [tmp_path / name for name in ("file.db", "remote.db")]
    for file in files:
        non_canonical.fill_canonical(file, seed)

    async with running(files[0], **ROOM) as embedded, running_remote(files[1], **ROOM) as remote:
        found = pool.read(files[0])
        for number in range(mutations):
            operation = operations.mutation(found, seed, number)
            for api in (embedded, remote):
                api.client.headers["idempotency-key"] = f'"{seed} {number}"'
            for _ in range(2):
                expected = times.answer(await answers.ask(embedded, operation), since)
                answer = times.answer(await answers.ask(remote, operation), since)
                wrong = answers.fault(expected) or answers.difference(expected, answer)
                if wrong:
                    pytest.fail(f"{wrong}\n{operation}", pytrace=False)
            if number % COMPARED == 0 or number == mutations - 1:
                assert _stored(files[0], since) == _stored(files[1], since), operation
                assert _kept(files[0], since) == _kept(files[1], since), operation
        garbage.collect()


def _kept(file: Path, since: str) -> list[str]:
    """The answers that are kept; claims without one are of requests that were refused."""
    with closing(sqlite3.connect(file)) as connection:
        columns = "viewer, key_sha256, field_sha256, request_sha256, answer, bytes"
        sql = f"SELECT {columns} FROM idempotent_answers WHERE answer IS NOT NULL ORDER BY 2, 3"
        return [times.without(repr(row), since) for row in connection.execute(sql)]
