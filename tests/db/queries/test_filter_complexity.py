"""What a filter has the database do grows with the filter and the tables, never by a power of either."""

import sqlite3

import pytest

from db.model import tables
from db.model.tables import Relation
from db.queries import listings
from db.queries.conditions import All, Compare, Condition, Not, Related
from db.queries.listings import Listing
from db.security.row_security import UNRESTRICTED, Extent, RowSecurity

AT = "2026-01-01T00:00:00.000Z"
ADA = "CHITTY-ACTOR-ADA"
ROWS = 60
FAR_TOO_MANY = 20_000
EACH = f"WITH RECURSIVE each (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM each WHERE n < {ROWS})"
# All of it is one actor's, and goes through one installation.
FILLING = f"""
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
    VALUES ('{ADA}', 'human', '{AT}', '{AT}');
    {EACH} INSERT INTO installations (installation_id, chitty_id, account_id, account_login,
        account_type, repository_selection, suspended_by_chitty_id, installed_at, updated_at)
    SELECT n, 'CHITTY-INSTALL-' || n, n, 'a', 'User', 'all', '{ADA}', '{AT}', '{AT}' FROM each;
    {EACH} INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
    SELECT 'CHITTY-CONTEXT-' || n, n, '{ADA}', '{AT}', '{AT}' FROM each;
    {EACH} INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,
        installation_id, created_at, updated_at)
    SELECT 'of the actor ' || n, '{ADA}', 'actor', n, 1, '{AT}', '{AT}' FROM each
    UNION ALL SELECT 'of one context ' || n, 'CHITTY-CONTEXT-1', 'context', n, 1, '{AT}', '{AT}' FROM each
    UNION ALL SELECT 'of all contexts ' || n, 'CHITTY-CONTEXT-' || n, 'context', 0, 1, '{AT}', '{AT}'
    FROM each;
"""
WAYS = {
    "owner": (tables.CONTEXT_OWNER, tables.ACTOR_CONTEXTS),
    "contexts": (tables.ACTOR_CONTEXTS, tables.CONTEXT_OWNER),
    "suspended by": (tables.INSTALLATION_SUSPENDED_BY, tables.ACTOR_SUSPENDED_INSTALLATIONS),
    "an actor's connections": (tables.ACTOR_CONNECTIONS, tables.CONNECTION_SOURCE_ACTOR),
    "a context's connections": (tables.CONTEXT_CONNECTIONS, tables.CONNECTION_SOURCE_CONTEXT),
    "connections through": (tables.INSTALLATION_CONNECTIONS, tables.CONNECTION_INSTALLATION),
    "contexts through": (tables.INSTALLATION_CONTEXTS, tables.CONTEXT_INSTALLATIONS),
    "installations": (tables.CONTEXT_INSTALLATIONS, tables.INSTALLATION_CONTEXTS),
}
SIGHTS = {"everything": UNRESTRICTED, "its own": RowSecurity(ADA, Extent())}


@pytest.fixture
def filled(migrated: sqlite3.Connection) -> sqlite3.Connection:
    migrated.executescript(FILLING)
    return migrated


def led(way: tuple[Relation, ...], times: int, *, negated: bool) -> Condition:
    """That a way is gone so often; no row is at its end, so that none stops the search."""
    found: Condition = Compare(way[-1].child.key, "eq", None)
    for _ in range(times):
        for relation in reversed(way):
            some = Related(relation, All((found,)), live=relation.many)
            found = Not(some) if negated and relation.many else some
    return found


def steps(connection: sqlite3.Connection, security: RowSecurity, parent, where: Condition) -> int:
    """How many hundreds of steps SQLite takes to count the rows that meet a condition."""
    sql, bind = security.of(listings.count(Listing(parent, None, where, live=True), [None]))
    taken = 0

    def step() -> bool:
        nonlocal taken
        taken += 1
        return taken > FAR_TOO_MANY

    connection.set_progress_handler(step, 100)
    connection.execute(sql, bind).fetchall()
    connection.set_progress_handler(None, 0)
    return taken


@pytest.mark.parametrize("negated", [False, True], ids=["some", "none"])
@pytest.mark.parametrize("security", SIGHTS.values(), ids=SIGHTS)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_one_more_relation_adds_to_the_work_instead_of_multiplying_it(
    filled, way, security, negated
):
    once, thrice, five_times = (
        steps(filled, security, way[0].parent, led(way, times, negated=negated))
        for times in (1, 3, 5)
    )

    assert five_times - thrice <= 2 * (thrice - once)


def test_one_relation_is_looked_up_row_by_row(filled):
    where = Related(tables.CONTEXT_OWNER, Compare("status", "eq", "active"), live=False)

    sql = listings.count(Listing(tables.CONTEXTS, None, where, live=True), [None]).sql

    assert " IN (SELECT" not in sql
