"""A search tells nothing of rows that the viewer does not see, by what it finds or the work it takes."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.model import words
from db.model.searched import LONGEST_TEXT, SEARCHED, searched_part
from db.model.services import SERVICES
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES
from db.program import Statement
from db.queries import searches
from db.queries.searches import KINDS
from resolvers import search
from resolvers.pages import PageArguments
from resolvers.permissions import Capability, Viewer
from resolvers.recording_context import RecordingContext
from tests.db.queries.test_search import fill
from tests.db.security.test_hidden_rows_cost import FEW, MANY, ME, MOST, registry, work
from tests.support.corpus.sharing import seeds
from tests.support.expectations.statement_counts import RecordedRegistry, watched
from tests.support.registries.databases import new_registry

# Of mine and theirs, of theirs alone, of both in part, and of nobody.
TEXTS = ["github", "g", "mine", "theirs", "t", "theirs 7", "a", "c", "1", "zzz"]


async def searched(
    path: Path, viewer: Viewer, text: str
) -> tuple[list[Any], int, bool, list[Statement]]:
    """What a viewer's search finds, how many objects, whether there are more, and its statements."""
    async with watched(path) as watching:
        return await searched_in(watching, viewer, text)


async def searched_in(
    registry: RecordedRegistry, viewer: Viewer, text: str
) -> tuple[list[Any], int, bool, list[Statement]]:
    """The same of a registry that is open."""
    async with RecordingContext(db=registry.db, cursor_key=b"key", viewer=viewer) as ctx:
        page = await ctx.loaders.walk(search.page(ctx, text, KINDS, PageArguments(first=5)))
        rows = [(each.table.name, each.key, page.highlight(each)) for each in page.found]
        found = rows, page.total, page.has_next
        return *found, [each.statement for each in ctx.recorded]


@pytest.mark.parametrize("text", TEXTS)
async def test_rows_of_others_change_neither_what_is_found_nor_the_work(tmp_path: Path, text: str):
    viewer = Viewer(ME, ())
    found: list[Any] = []
    taken = []
    for others in (FEW, MANY):
        path = registry(tmp_path, others)
        *page, statements = await searched(path, viewer, text)
        found.append(page)
        taken.append(work(path, statements))

    assert found[0] == found[1]
    assert not [key for _, key, _ in found[1][0] if "THEIRS" in str(key)]
    few, many = taken
    assert many <= few * MOST + 100, taken


@pytest.mark.parametrize("text", ["theirs", "t"])
async def test_whoever_sees_everything_finds_what_others_own(tmp_path: Path, text: str):
    path = registry(tmp_path, FEW)

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
    path = registry(tmp_path, FEW)

    *_, statements = await searched(path, Viewer(ME, capabilities), "a")

    indexes = {table for table in TABLES if f"{table.name}_search" in str(statements)}
    assert indexes == whole


async def test_email_is_found_only_by_who_may_see_it(tmp_path: Path):
    path = registry(tmp_path, FEW)
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


@pytest.mark.parametrize("capabilities", [(), (Capability.ADMIN.value,)], ids=["own rows", "index"])
async def test_no_more_of_a_long_text_is_read_than_is_searched(tmp_path: Path, capabilities: Any):
    path = registry(tmp_path, FEW)
    viewer = Viewer(ME, capabilities)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE contexts SET name = chitty_id || ' ' || printf('%.*c', 1000000, 'x')"
        )
        connection.commit()
        *_, statements = await searched(path, viewer, "chitty mine")
        read = [connection.execute(*viewer.security.of(each)).fetchall() for each in statements]

    texts = [value for rows in read for row in rows for value in row if isinstance(value, str)]
    assert any(len(text) == LONGEST_TEXT for text in texts)
    assert max(map(len, texts)) == LONGEST_TEXT


def test_own_rows_are_read_without_an_index():
    sought = searches.Search("a", ("a",), KINDS, frozenset(), None)

    statements = next(searches.candidates(sought))

    assert len(statements) == len(KINDS)
    assert "_search" not in str(statements)


def reference(path: Path, me: str, wanted: str) -> list[tuple[str, Any]]:
    """What a viewer without capabilities finds: itself, its contexts, and what these and it connect to."""
    folded = [words.fold(word) for word in words.split(wanted)]
    mine = "SELECT chitty_id FROM contexts WHERE owner_chitty_id = :me"
    seen = {
        ACTORS: "chitty_id = :me",
        CONTEXTS: "owner_chitty_id = :me",
        INSTALLATIONS: "FALSE",
        CONNECTIONS: f"source_chitty_id IN (SELECT :me UNION ALL {mine})",
    }
    found: dict[Any, Any] = {}
    with closing(sqlite3.connect(path)) as connection:
        for kind, table in enumerate(TABLES):
            columns = SEARCHED[table]
            rows = connection.execute(
                f"SELECT {table.key}, {table.newest}, {', '.join(columns)} FROM {table.name} AS row"
                f" WHERE ({seen[table]}) AND {table.live.format(row='row')}",
                {"me": me},
            )
            for key, newest, *texts in rows:
                ranks = [words.rank(searched_part(text), folded) for text in texts if text]
                best = [rank for rank in ranks if rank is not None]
                if best:
                    found[table.name, key] = -min(best), newest, -kind, key
                service = words.rank(searched_part(texts[0] or ""), folded)
                if table is CONNECTIONS and service is not None:
                    found[SERVICES.name, texts[0]] = -service, "~", -len(TABLES), texts[0]
    return sorted(found, key=lambda each: found[each], reverse=True)


@pytest.mark.parametrize("seed", seeds(3, by_default=1))
async def test_a_viewer_finds_what_the_reference_finds_in_its_rows(tmp_path: Path, seed: int):
    path = tmp_path / "registry.db"
    new_registry(path)
    fill(path, random.Random(seed))

    async with watched(path) as watching:
        for number in range(0, 30, 3):
            me = f"CHITTY-ACTOR-{number:06}-AAAA"
            for wanted in ("o", "a", "oct", "api", "x", str(number)):
                rows, total, *_ = await searched_in(watching, Viewer(me, ()), wanted)
                expected = reference(path, me, wanted)

                assert [(table, key) for table, key, _ in rows] == expected[:5], (me, wanted)
                assert total == len(expected)
