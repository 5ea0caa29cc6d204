"""A database is opened as it was migrated, also when another takes its place meanwhile."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from db import program
from db.backup import backups, restores
from db.errors import BootRefused
from db.migrating import ledger, migrator
from db.migrating.opening import open_migrated
from db.program import Statement
from tests.support.registries import legacy_registries
from tests.support.registries.databases import new_registry

NAMES = "SELECT name FROM contexts"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "registry.db"
    new_registry(file)
    return file


def after_migrating(monkeypatch: pytest.MonkeyPatch, act) -> None:
    """Have something happen between the migration and the opening."""
    migrate = migrator.migrate

    def migrated(path: Path) -> list[str]:
        done = migrate(path)
        act()
        return done

    monkeypatch.setattr(migrator, "migrate", migrated)


async def test_an_old_registry_restored_before_the_opening_is_adopted_before_it_is_served(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    old = [legacy_registries.by_hand(tmp_path / "old.db")]
    after_migrating(monkeypatch, lambda: old and restores.restore(old.pop(), file))

    db = await open_migrated(file)

    try:
        found = await db.read(program.rows(Statement(NAMES)))
    finally:
        await db.close()
    assert found == [("harbour",)]
    assert migrator.inspect(file).pending == ()


async def test_a_file_that_is_replaced_every_time_is_refused(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    old = legacy_registries.by_hand(tmp_path / "old.db")

    def replace() -> None:
        shutil.copy(old, tmp_path / "new.db")
        (tmp_path / "new.db").replace(file)

    after_migrating(monkeypatch, replace)

    with pytest.raises(BootRefused, match="was replaced by another each time"):
        await open_migrated(file)


async def test_once_it_is_open_nothing_can_be_restored_into_its_place(file: Path, tmp_path: Path):
    backups.backup(file, tmp_path / "backup.db")

    db = await open_migrated(file)

    try:
        words = ("restore", str(tmp_path / "backup.db"), "--database", str(file))
        restored = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", "from server.cli import main; raise SystemExit(main())", *words],
            cwd=ledger.MIGRATIONS.parent,
            text=True,
            capture_output=True,
            check=False,
        )
    finally:
        await db.close()
    assert (restored.returncode, restored.stdout) == (1, "")
    assert "is open in another program" in restored.stderr
