"""A search tells nothing of rows that the viewer does not see, by what it finds or the work it takes."""

from pathlib import Path
from typing import Any

import pytest

from db.model.searched import SEARCHED
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES
from db.program import Statement
from db.queries import searches
from resolvers.pages import PageArguments
from resolvers.permissions import Capability, Viewer
from resolvers.recording_context import RecordingContext
from resolvers.search import FoundPage
from tests.db.security.test_hidden_rows_cost import FEW, MANY, ME, MOST, registry, work
from tests.support.expectations.statement_counts import watched

# Of mine and theirs, of theirs alone, of both in part, and of nobody.
TEXTS = ["github", "g", "mine", "theirs", "t", "theirs 7", "a", "c", "1", "zzz"]


async def searched(
    path: Path, viewer: Viewer, text: str
) -> tuple[list[Any], int, bool, list[Statement]]:
    """What a viewer's search finds, how many objects, whether there are more, and its statements."""
    async with (
        watched(path) as watching,
        RecordingContext(db=watching.db, cursor_key=b"key", viewer=viewer) as ctx,
    ):
        page = FoundPage(ctx, text, TABLES, PageArguments(first=5))
        rows = [(each.table.name, each.key, page.highlight(each)) for each in await page.rows()]
        found = rows, await page.total(), await page.has_next()
        return *found, [each.statement for each in ctx.recorded]


@pytest.mark.parametrize("text", TEXTS)
async def test_rows_of_others_change_neither_what_is_found_nor_the_work(tmp_path: Path, text: str):
    viewer = Viewer(ME, ())
    found: list[Any] = []
    taken = []
    for others in (FEW, MANY):
        path = await registry(tmp_path, others)
        *page, statements = await searched(path, viewer, text)
        found.append(page)
        taken.append(work(path, statements))

    assert found[0] == found[1]
    assert not [key for _, key, _ in found[1][0] if "THEIRS" in str(key)]
    few, many = taken
    assert many <= few * MOST + 100, taken


@pytest.mark.parametrize("text", ["theirs", "t"])
async def test_whoever_sees_everything_finds_what_others_own(tmp_path: Path, text: str):
    path = await registry(tmp_path, FEW)

    rows, total, has_more, _ = await searched(path, Viewer(ME, (Capability.ADMIN.value,)), text)

    assert [table for table, _, _ in rows] == [CONTEXTS.name] * 5
    assert (total, has_more) == (FEW, True)


@pytest.mark.parametrize(
    ("capabilities", "whole"),
    [
        ((), set()),
        ((Capability.INSTALLATIONS_WRITE.value,), {INSTALLATIONS}),
        ((Capability.REGISTRY_READ.value,), {ACTORS, CONTEXTS, INSTALLATIONS, CONNECTIONS}),
    ],
)
async def test_an_index_serves_only_who_sees_all_rows_of_its_table(tmp_path, capabilities, whole):
    path = await registry(tmp_path, FEW)

    *_, statements = await searched(path, Viewer(ME, capabilities), "a")

    indexes = {table for table in TABLES if f"{table.name}_search" in str(statements)}
    assert indexes == whole


async def test_email_is_found_only_by_who_may_see_it(tmp_path: Path):
    path = await registry(tmp_path, FEW)
    async with watched(path) as watching:
        emails = "UPDATE actors SET email = 'hidden@' || chitty_id"
        async with RecordingContext(
            db=watching.db, cursor_key=b"key", viewer=Viewer(None, ())
        ) as ctx:
            await ctx.db.write(_written(Statement(emails)), ctx.viewer.security)

    mine, *_ = await searched(path, Viewer(ME, ()), "hidden")
    reader = Viewer(ME, (Capability.REGISTRY_READ.value,))
    _, total, *_ = await searched(path, reader, "hidden")

    assert [key for _, key, _ in mine] == [ME]
    assert total == 2


def _written(statement: Statement) -> Any:
    yield [statement]


def test_own_rows_are_read_without_an_index():
    search = searches.Search("a", ("a",), TABLES, frozenset())

    statements = next(searches.candidates(search))

    assert len(statements) == len(SEARCHED)
    assert "_search" not in str(statements)
