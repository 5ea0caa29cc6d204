"""A page of a long history takes as much work as one of a short history, counted in SQLite's instructions."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.model.tables import CHANGES, CONTEXTS, HISTORIES
from db.program import Statement
from db.queries import json_listings, listings
from db.queries.conditions import EVERYTHING, All, Compare, Condition
from db.queries.listings import Listing, Order, PageRange
from db.security.row_security import UNRESTRICTED, Extent, RowSecurity
from resolvers.permissions import extent
from tests.support.registries.databases import new_registry

ME, THEM = "CHITTY-ACTOR-000001-AAAA", "CHITTY-ACTOR-000002-AAAA"
MINE = "CHITTY-CONTEXT-MINE"
AT = "2026-01-01T00:00:00.000Z"
FEW, MANY = 500, 10_000
MOST = 1.3  # times the work, and a little: B-trees grow deeper
ORDER = (Order("sequence", descending=False),)
STORED = f"""
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
        VALUES ('{ME}', 'human', '{AT}', '{AT}'), ('{THEM}', 'human', '{AT}', '{AT}');
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
        VALUES ('{MINE}', 'mine', '{ME}', '{AT}', '{AT}');
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 50)
        INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
        SELECT 'CHITTY-CONTEXT-' || n, 'c' || n, '{THEM}', '{AT}', '{AT}' FROM n;
"""
# Every fiftieth change is of MINE, and every fourth by ME; the others go round.
CHANGED = f"""
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :count)
    INSERT INTO changes (sequence, at, actor, cause, kind, key, operation, is_private, before, after)
    SELECT n + (SELECT max(sequence) FROM changes), '{AT}', iif(n % 4 = 0, '{ME}', '{THEM}'), 'test',
        'contexts', iif(n % 50 = 0 AND n <= {FEW}, '{MINE}', 'CHITTY-CONTEXT-' || (n % 49 + 1)),
        'updated', FALSE, '{{"name": "a"}}', '{{"name": "b"}}' FROM n
"""
PRUNED = """
    INSERT INTO checkpoint (place, sequence, at, removed, digest)
    SELECT 1, max(sequence) - 100, '2026-01-01T00:00:00.000Z', 0, '' FROM changes
"""
VIEWERS = {
    "an admin": UNRESTRICTED,
    "who reads everything": RowSecurity(ME, extent(["registry:read"])),
    "an auditor": RowSecurity(ME, extent(["audit:read"])),
    "an owner": RowSecurity(ME, Extent()),
}
WHERE: dict[str, Condition] = {
    "all": EVERYTHING,
    "of an object": All((Compare("kind", "eq", "contexts"), Compare("key", "eq", MINE))),
    "by an actor": Compare("actor", "eq", ME),
}
MIDDLE = (300,)
RANGES = {
    "first": PageRange(ORDER, 21),
    "last": PageRange(ORDER, 21, backward=True),
    "after a cursor": PageRange(ORDER, 21, after=MIDDLE),
    "before a cursor": PageRange(ORDER, 21, backward=True, before=MIDDLE),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A registry with a short history and one with a long history, of as many rows."""
    folder = tmp_path_factory.mktemp("histories")
    made = []
    for count in (FEW, MANY):
        path = new_registry(folder / f"{count}.db")
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(STORED)
            connection.execute(CHANGED, {"count": count})
            connection.commit()
        made.append(path)
    return made


def work(connection: sqlite3.Connection, statement: Statement, security: RowSecurity) -> int:
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    connection.set_progress_handler(count, 1)
    rows = connection.execute(*security.of(statement)).fetchall()
    connection.set_progress_handler(None, 1)
    assert json.loads(rows[0][0]) != []
    return steps


def taken(files: list[Path], statement: Statement, security: RowSecurity) -> list[int]:
    found = []
    for file in files:
        with closing(sqlite3.connect(file)) as connection:
            found.append(work(connection, statement, security))
    return found


@pytest.mark.parametrize("page_range", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("where", WHERE.values(), ids=WHERE)
@pytest.mark.parametrize("security", VIEWERS.values(), ids=VIEWERS)
def test_a_page_of_changes_takes_as_much_work(
    files: list[Path], security: RowSecurity, where: Condition, page_range: PageRange
):
    listing = Listing(CHANGES, None, where, live=True)
    page = json_listings.page(listing, page_range, ["sequence", "kind", "before", "after"])

    few, many = taken(files, page.alone(), security)

    assert many <= few * MOST + 100


@pytest.mark.parametrize("page_range", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("security", VIEWERS.values(), ids=VIEWERS)
def test_a_page_of_an_objects_history_takes_as_much_work(
    files: list[Path], security: RowSecurity, page_range: PageRange
):
    listing = Listing(CHANGES, HISTORIES[CONTEXTS], EVERYTHING, live=True)
    page = json_listings.page(listing, page_range, ["sequence", "before", "after"])

    few, many = taken(files, page.of(json.dumps([MINE])), security)

    assert many <= few * MOST + 100


@pytest.mark.parametrize("name", ["first", "last"])
def test_what_is_left_of_pruned_changes_takes_no_work(files: list[Path], name: str, tmp_path: Path):
    listing = Listing(CHANGES, None, EVERYTHING, live=True)
    page: Any = json_listings.page(listing, RANGES[name], ["sequence"]).alone()
    counts = []
    for file in files:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(PRUNED)
            counts.append(work(connection, page, UNRESTRICTED))
            connection.rollback()

    few, many = counts
    assert many <= few * MOST + 100


def test_a_history_without_its_index_would_be_noticed(files: list[Path]):
    listing = Listing(CHANGES, HISTORIES[CONTEXTS], EVERYTHING, live=True)
    page = listings.page(listing, RANGES["first"], [MINE])
    counts = []
    for file in files:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("DROP INDEX changes_by_row")
            steps = 0

            def count() -> None:
                nonlocal steps
                steps += 1

            connection.set_progress_handler(count, 1)
            connection.execute(*UNRESTRICTED.of(page)).fetchall()
            connection.set_progress_handler(None, 1)
            counts.append(steps)
            connection.rollback()

    few, many = counts
    assert many > few * MOST + 100
