"""Indexes of searches that were lost or emptied are refused at boot, and `check --fix` makes them whole."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db.errors import BootRefused
from db.migrating import migrator
from db.model.searched import INDEXES, refill
from tests.support.registries.backups import registry

FOUND = """SELECT count(*) FROM actors_search ('"\ue000zo" *')"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = registry(tmp_path / "registry.db", "CHITTY-ADA")
    run(path, "UPDATE actors SET display_name = 'Zoë', status = 'active'")
    return path


def run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for sql in statements:
            connection.execute(sql)


def found(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute(FOUND).fetchone()
    return int(count)


@pytest.mark.parametrize(
    "lost",
    [f"DROP TRIGGER actors_search_of_{event}" for event in ("new", "changed", "old")]
    + ["DROP TABLE actors_search", "DROP TABLE actors_words"],
)
def test_what_is_lost_of_an_index_is_refused_and_repaired(path: Path, lost: str):
    before = found(path)
    run(path, lost)

    with pytest.raises(BootRefused, match=r"actors_(search|words).* is missing.*check --fix"):
        migrator.migrate(path)
    if "TABLE" not in lost:
        run(path, "UPDATE actors SET display_name = 'Zoo'")
    migrator.repair(path)

    assert migrator.migrate(path) == []
    assert found(path) == before > 0


def test_a_table_that_is_made_anew_leaves_nothing_in_its_index(path: Path):
    assert found(path)
    run(path, "PRAGMA foreign_keys = OFF", "DROP TABLE actors")

    migrator.bring_up_to_date(path, to_make=["actors"])

    assert found(path) == 0


def test_the_migration_fills_as_the_code_does():
    text = Path("migrations/0028_search_texts.sql").read_text()

    assert [sql for sql in refill() if f"{sql};" not in text] == []
    assert all(f"CREATE VIRTUAL TABLE {index} " in text for index in INDEXES)
