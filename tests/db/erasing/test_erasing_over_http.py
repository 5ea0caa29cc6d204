"""A person is erased from a registry on an engine over HTTP as from a file."""

import asyncio
import json
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db import open_database
from db.erasing.erasure import ErasureRequest
from db.errors import BootRefused
from db.migrating import ledger
from db.moving.moved_tables import moved_tables
from tests.support.registries import persons
from tests.support.registries.persons import ANN, BEN, TEXTS, cells_that_name, differences
from tests.support.services.commands import command, complaint
from tests.support.services.engines import ask, carry_out
from tests.support.services.server_process import served

AT_OF_ERASURE = re.compile(r"20[0-9]{2}-[0-9T:.-]+Z")
ALL = ["erase", ANN, "--yes", "--also-text", *(f"--text={text}" for text in TEXTS)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A registry that names Ann everywhere."""
    return persons.made(tmp_path / "registry.db", elsewhere=True)


@pytest.fixture
def registry(engine_url: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same on an engine, whose URL is set."""
    monkeypatch.setenv("CHITTYGRAPH_DATABASE", engine_url)
    done("move", "--from", file)
    return engine_url


def done(*words: object) -> str:
    """What a command printed that has done its work."""
    ended = command(*words)
    assert ended.returncode == 0, ended
    return ended.stdout


def copy(folder: Path, name: str = "copy.db") -> Path:
    """What is on the engine, as a file."""
    done("move", "--to", folder / name)
    return folder / name


def stored(file: Path) -> dict[str, list[Any]]:
    """All rows of all tables, but for when each was erased."""
    with closing(sqlite3.connect(file)) as connection:
        return {
            table.name: [
                AT_OF_ERASURE.sub("-", json.dumps(row))
                for row in connection.execute(
                    f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {table.key[0]}"
                )
            ]
            for table in moved_tables(ledger.load(ledger.MIGRATIONS))
        }


def test_the_engine_holds_then_what_an_erased_file_holds(registry: str, file: Path, tmp_path: Path):
    told = json.loads(done(*ALL, "--json"))
    erased = copy(tmp_path)
    done(*ALL, "--database", file)

    assert cells_that_name(erased, *TEXTS) == []
    assert stored(erased) == stored(file)
    assert differences(erased) == []
    assert told["rows"]["actors"] == 1
    assert told["rows"]["changes"] > 1
    assert told["cleaning"] is None
    assert json.loads(done("status", "--json"))["to_mend"] == []
    again = done("erase", ANN, "--yes")
    assert "the engine's own logs" not in again
    assert again.startswith(f"nothing of {ANN} is left to erase\n")


@pytest.mark.thorough
def test_a_dry_run_tells_the_same_and_changes_nothing(registry: str, tmp_path: Path):
    before = stored(copy(tmp_path, "before.db"))

    foreseen = json.loads(done("erase", ANN, "--dry-run", "--json"))

    assert stored(copy(tmp_path, "after.db")) == before
    erased = json.loads(done("erase", ANN, "--yes", "--json"))
    assert foreseen | {"dry_run": False, "erased_at": None} == erased | {"erased_at": None}


def test_what_a_file_refuses_is_refused(registry: str):
    assert "there is no actor CHITTY-NOBODY" in complaint(
        command("erase", "CHITTY-NOBODY", "--yes")
    )
    last = complaint(command("erase", BEN, "--yes"))
    assert "admin" in last or "contexts" in last


class Meanwhile:
    """Writes to the registry each time that the copy is erased, so many times."""

    def __init__(self, url: str, times: int) -> None:
        self.url, self.times, self.done = url, times, 0

    def stage(self, label: str, total: int | None = None) -> None:
        """Write, if it is the stage."""
        if label == "writing what was erased" and self.done < self.times:
            self.done += 1
            writing = carry_out(
                self.url,
                "UPDATE contexts SET name = name || '.', updated_at = '2026-03-01T00:00:00.000Z'",
            )
            _in_thread(writing)

    def advance(self, amount: int = 1) -> None:
        """Nothing is shown."""


def _in_thread(work: Any) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


@pytest.mark.thorough
async def test_what_others_write_meanwhile_is_kept(registry: str, tmp_path: Path):
    once, always = Meanwhile(registry, 1), Meanwhile(registry, 100)
    request = ErasureRequest(ANN)

    with pytest.raises(BootRefused, match="was written to each time"):
        await open_database.erase(registry, request, always, for_good=True)
    untouched = await ask(registry, "SELECT status FROM actors ORDER BY chitty_id LIMIT 1")
    await open_database.erase(registry, request, once, for_good=True)

    assert (untouched, always.done, once.done) == ([("active",)], 3, 1)
    names = await ask(registry, "SELECT name FROM contexts ORDER BY chitty_id")
    assert all(str(name).endswith("....") for (name,) in names)
    assert await ask(registry, "SELECT status FROM actors ORDER BY chitty_id LIMIT 1") == [
        ("deleted",)
    ]


@pytest.mark.thorough
def test_a_server_may_run_meanwhile(registry: str, tmp_path: Path):
    with served(registry) as (_, _said):
        done("erase", ANN, "--yes")
        assert json.loads(done("status", "--json"))["to_mend"] == []

    assert differences(copy(tmp_path)) == []
