"""The statements that prune a history run on Cloudflare D1 as they do here."""

import re
import shutil
from pathlib import Path

import pytest

from db.audit import verification
from db.backup.dumps import literal
from db.history import pruning
from db.program import Statement
from tests.support.other_programs.wrangler import D1
from tests.support.registries.databases import demo_registry, elsewhere, opened

LATER = "2999-01-01T00:00:00.000Z"
CHANGES = "SELECT * FROM changes ORDER BY sequence"
CHECKPOINT = "SELECT sequence, removed, digest FROM checkpoint"
TRIGGERS = "SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'changes' AND type = 'trigger' ORDER BY name"


def written(statement: Statement) -> str:
    """SQL with its values in it, as a file for wrangler needs it."""
    return re.sub(r":(\w+)", lambda found: literal(statement.bind[found[1]]), statement.sql) + ";\n"


def rows(file: Path, sql: str) -> list[tuple[object, ...]]:
    with elsewhere(file) as connection:
        return list(connection.execute(sql).fetchall())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return demo_registry(tmp_path / "registry.db")


async def test_a_portion_is_cut_alike_on_d1(file: Path, tmp_path: Path):
    with elsewhere(file) as connection:
        connection.execute("UPDATE contexts SET name = name || '!'")
        connection.execute("PRAGMA journal_mode = DELETE")
    d1 = D1(tmp_path / "d1")
    d1.put(file)
    shutil.copy(file, tmp_path / "here.db")

    async with opened(tmp_path / "here.db") as db:
        for number in range(2):
            portion = await db.read(pruning.next_portion(LATER, 300))
            assert portion is not None
            batch = tmp_path / f"{number}.sql"
            batch.write_text("".join(map(written, next(pruning.cut(portion)))))
            d1.execute(batch)
            assert await db.write(pruning.cut(portion))

        for sql in (CHANGES, CHECKPOINT, TRIGGERS):
            assert rows(d1.file, sql) == rows(tmp_path / "here.db", sql), sql
    with verification.snapshot(tmp_path / "here.db") as connection:
        assert list(verification.verify(connection)) == []
