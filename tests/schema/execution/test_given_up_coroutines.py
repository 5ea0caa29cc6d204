"""Fields that are given up, whenever that is, leave no coroutine that nobody awaits."""

import asyncio
import gc
import warnings
from pathlib import Path

import pytest

from resolvers.permissions import OPERATOR
from resolvers.recording_context import RecordingContext
from schema.execution import generic
from schema.execution.coroutines import MOST_KEPT, Coroutines
from tests.support.expectations.statement_counts import RecordedRegistry, fill, watched

NESTED = """
    { contexts { nodes { owner { contexts { nodes { name connections { nodes { source { __typename } } } } } }
        installations { nodes { id } totalCount pageInfo { hasNextPage } } } }
      actors { nodes { contexts { totalCount } } } }
"""
TURNS = range(0, 90, 2)


async def give_up_after(registry: RecordedRegistry, turns: int) -> bool:
    """Cancel an operation after so many turns of the event loop; whether it was still running."""

    async def execute() -> None:
        async with RecordingContext(db=registry.db, cursor_key=b"key", viewer=OPERATOR) as ctx:
            document = registry.documents.prepare(NESTED)
            await generic.run(document, document.operation(None), ctx, {})

    task = asyncio.create_task(execute())
    for _ in range(turns):
        await asyncio.sleep(0)
    cancelled = task.cancel()
    await asyncio.wait([task])
    return cancelled


async def test_an_operation_that_is_cancelled_at_any_moment_leaves_no_coroutine(tmp_path: Path):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with watched(tmp_path / "registry.db") as registry:
            await fill(registry, 3)
            cancelled = [await give_up_after(registry, turns) for turns in TURNS]
            for _ in range(20):
                await asyncio.sleep(0)
            gc.collect()

    assert sum(cancelled) > len(TURNS) / 2
    assert [str(each.message) for each in warned] == []


async def test_finished_coroutines_are_not_kept_while_an_operation_goes_on():
    async def value() -> int:
        return 1

    coroutines = Coroutines()
    for _ in range(3 * MOST_KEPT):
        made = value()
        assert coroutines.is_awaitable(made)
        await made

    assert len(coroutines._kept) <= MOST_KEPT


@pytest.mark.parametrize(("value", "expected"), [(1, False), ("", False), (None, False)])
def test_values_are_not_awaitable(value: object, expected: bool):
    assert Coroutines().is_awaitable(value) is expected
