"""A server removes changes that are older than its setting allows, in small steps."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from db.history import checkpoint
from db.history.pruning import Pace
from server import retention
from server.retention import keep_history
from tests.support.registries.databases import elsewhere, new_registry, opened
from tests.support.services.api import running
from tests.support.services.commands import command

PATIENCE_SECONDS = 60
FIRST = (
    "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at) VALUES ('A', 'human', ?, ?)"
)
RENAME = "UPDATE actors SET display_name = ?, updated_at = ?"
OLD, NEW = "2020-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Six old changes and a new one."""
    file = new_registry(tmp_path / "registry.db")
    with elsewhere(file) as connection:
        connection.execute(FIRST, (OLD, OLD))
        for number in range(5):
            connection.execute(RENAME, (str(number), OLD))
        connection.execute(RENAME, ("new", NEW))
    return file


async def until_retained(db, count: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await db.read(checkpoint.growth())).changes != count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_old_changes_are_removed_while_the_server_runs(file, monkeypatch):
    monkeypatch.setattr(retention, "SECONDS_BETWEEN_LOOKS", 0.01)
    async with opened(file) as db, keep_history(db, 1):
        await until_retained(db, 1)
        with elsewhere(file) as connection:
            connection.execute(RENAME, ("old again", OLD))
            connection.execute(RENAME, ("newer", NEW))

        growth = await db.read(checkpoint.growth())
        assert (growth.bases, growth.removed) == (1, 5)
    assert command("audit", "verify", "--database", file).returncode == 0


async def test_a_service_keeps_its_history_as_long_as_its_setting_says(file):
    async with running(file, history_days=30) as api:
        await until_retained(api.service.db, 1)


async def test_two_workers_remove_each_change_once(file, monkeypatch):
    monkeypatch.setattr(retention, "SECONDS_BETWEEN_PORTIONS", 0.0)
    monkeypatch.setattr(retention, "Pace", partial(Pace, most=1))
    async with (
        opened(file) as one,
        opened(file) as other,
        keep_history(one, 1),
        keep_history(other, 1),
    ):
        await until_retained(one, 1)

        assert (await other.read(checkpoint.growth())).removed == 5


async def test_without_the_setting_nothing_looks_for_old_changes(file):
    async with opened(file) as db:
        before = asyncio.all_tasks()
        async with keep_history(db, 0):
            assert asyncio.all_tasks() == before
            assert (await db.read(checkpoint.growth())).changes == 7


async def test_a_database_that_cannot_be_written_now_is_tried_again(file, monkeypatch, caplog):
    monkeypatch.setattr(retention, "SECONDS_BETWEEN_LOOKS", 0.01)
    async with opened(file, min_free_bytes=2**62) as db, keep_history(db, 1):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while [each.msg for each in caplog.records].count("history not pruned") < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

        assert (await db.read(checkpoint.growth())).changes == 7
