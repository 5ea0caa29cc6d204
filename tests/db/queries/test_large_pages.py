"""Large pages of a viewer's own rows: the same rows in the same order as small ones, in both executions."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from db.queries.json_listings import LARGE
from server.auth import api_keys
from tests.support.registries.databases import new_registry
from tests.support.registries.separate_owners import SETTINGS, key_of, seen_by
from tests.support.services.api import Api, running

ME, THEM = "CHITTY-ACTOR-000001-AAAA", "CHITTY-ACTOR-000002-AAAA"
OWN = 3 * LARGE
AT = "'2026-01-01T00:' || printf('%02d', (n * 37) % 60) || ':00.000Z'"
STORED = f"""
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
        SELECT value, 'human', '2026', '2026' FROM json_each('["{ME}", "{THEM}"]');
    INSERT INTO installations (installation_id, chitty_id, account_id, account_login, account_type,
        repository_selection, installed_at, updated_at)
        VALUES (1, 'CHITTY-INSTALL-000001-AAAA', 1, 'a', 'User', 'all', '2026', '2026');
    CREATE TEMP TABLE numbers AS
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {2 * OWN})
        SELECT n FROM n;
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
        SELECT 'CHITTY-C' || n, 'c' || n, iif(n % 2, '{ME}', '{THEM}'), {AT}, '2026' FROM numbers;
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,
        installation_id, request_count, created_at, updated_at)
        SELECT 'id ' || n, 'CHITTY-C' || n, 'context', 'github', 1, n % 7, {AT}, '2026' FROM numbers;
"""
KEPT = """
    INSERT INTO api_keys (key_id, actor_chitty_id, secret_sha256, created_at)
    VALUES (?, ?, ?, '2026-01-01T00:00:00.000Z')
"""
PAGE = "nodes { id createdAt } pageInfo { hasNextPage endCursor }"
ORDERINGS = {
    "newest first": "",
    "oldest first": ", orderBy: [{ field: CREATED_AT }]",
    "by two": ", orderBy: [{ field: UPDATED_AT }, { field: CREATED_AT, direction: DESC }]",
}


@pytest.fixture
async def viewer(tmp_path: Path) -> AsyncIterator[tuple[Api, Api]]:
    """The viewer with plans, and with generic execution."""
    path = tmp_path / "registry.db"
    new_registry(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(STORED)
        secret = api_keys.digest(key_of(ME).secret)
        connection.execute(KEPT, (key_of(ME).key_id, ME, secret))
        connection.commit()
    settings = SETTINGS | {"page_max": 1_000}
    async with (
        running(path, **settings) as compiled,
        running(path, **settings | {"compiled": False}) as generic,
        seen_by(compiled, ME) as on_plans,
        seen_by(generic, ME) as on_the_generic_road,
    ):
        yield on_plans, on_the_generic_road


async def pages(api: Api, list_: str, order: str, size: int) -> tuple[list[str], list[str]]:
    """The bodies of the answers, page by page of this size, and the ids in them."""
    bodies, ids, after = [], [], ""
    while True:
        field = "connections" if list_ == "installation" else list_
        query = f"{{ {field}(first: {size}{order}{after}) {{ {PAGE} }} }}"
        if list_ == "installation":
            query = f'{{ installation(installationId: "1") {query} }}'
        answer = await api.client.post("/graphql", json={"query": query})
        bodies.append(answer.text)
        data = answer.json()["data"]
        found = (data["installation"] if list_ == "installation" else data)[field]
        ids += [node["id"] for node in found["nodes"]]
        if not found["pageInfo"]["hasNextPage"]:
            return bodies, ids
        after = f', after: "{found["pageInfo"]["endCursor"]}"'


@pytest.mark.parametrize("order", ORDERINGS.values(), ids=ORDERINGS)
@pytest.mark.parametrize("list_", ["contexts", "connections", "installation"])
async def test_large_pages_hold_what_small_ones_do(viewer, list_: str, order: str):
    compiled, generic = viewer

    large, ids = await pages(compiled, list_, order, LARGE + 50)
    expected, _ = await pages(generic, list_, order, LARGE + 50)
    _, by_small_ones = await pages(compiled, list_, order, LARGE // 2)

    assert large == expected
    assert (len(large), len(set(ids))) == (2, OWN)
    assert ids == by_small_ones
