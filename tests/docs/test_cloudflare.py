"""docs/cloudflare.md answers each task of wrangler, and both commands of each row work."""

import re
from pathlib import Path

import pytest

from tests.support.other_programs.wrangler import require_wrangler
from tests.support.pages.doc_pages import Block, page, rows
from tests.support.pages.doc_reader import Reader

PAGE = page("docs/cloudflare.md")
ROWS = rows(PAGE.section("Each task, with wrangler and here"))
TASKS = {
    *("create a database", "migrate: local", "migrate: staging", "migrate: production"),
    *("migrate all at once", "run a query", "run a file", "dump", "restore", "drop and recreate"),
    *("table structure", "indexes of a table"),
}


def commands(column: int, start: str) -> list[str]:
    """The commands of a column that run as they stand, without a word to fill in."""
    found = [
        command
        for row in ROWS
        for command in re.findall(r"`([^`]+)`", row[column])
        if command.startswith(start)
    ]
    return [each for each in found if not re.search(r"\bFILE\b|\.\.\.", each)]


def shell(*lines: str) -> Block:
    return Block(PAGE.name, 0, "sh", "", "\n".join(lines))


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    reader = Reader(tmp_path)
    reader.run(shell("echo 'SELECT count(*) FROM actors' > query.sql"))
    return reader


def test_every_task_has_a_row():
    assert {row[0] for row in ROWS} >= TASKS
    assert all(all(row) and len(row) == 3 for row in ROWS)


@pytest.mark.thorough
def test_every_command_here_works(reader: Reader):
    here = commands(2, "./run")

    reader.run(shell(*here))

    assert len(here) >= 12


@pytest.mark.thorough
def test_every_command_of_wrangler_works_on_a_local_database(reader: Reader):
    require_wrangler()
    local = [each for each in commands(1, "npx wrangler") if "--local" in each]

    reader.run(shell("cp wrangler.toml.example wrangler.toml", *local))

    assert len(local) >= 7
