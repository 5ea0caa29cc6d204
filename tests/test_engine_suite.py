"""The behaviour suite on every engine: what belongs to it, and why a test does not run on one."""

import ast
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.engines.engine import Engine, Files, exact, set_present
from tests.support.engines.suite import BEFORE_IT, PLACES, QUICK, _new
from tests.support.paths import ROOT, source_files
from tests.support.registries.databases import adding, elsewhere, names, opened

MARKS = ("files_only", "not_on", "over_http")
FEWEST_WORDS = 4


def reasons() -> list[tuple[str, str, str]]:
    """The place of each mark, its name, and its last argument."""
    found = []
    for path in source_files("tests"):
        text = path.read_text()
        if not any(f"mark.{name}(" in text for name in MARKS):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and (name := _mark(node.func)) in MARKS:
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                found.append((place, name, ast.literal_eval(node.args[-1])))
    return found


def _mark(function: ast.expr) -> str:
    return ast.unparse(function).removeprefix("pytest.mark.")


@pytest.fixture(params=["rqlite", pytest.param("d1", marks=pytest.mark.thorough)])
def over_http(request: pytest.FixtureRequest):
    """An engine of this test's own, which it may use as the present one."""
    engine: Engine = _new(request.param)
    set_present(engine)
    yield engine
    set_present(Files())
    engine.close()


def test_each_test_that_runs_on_fewer_engines_says_why():
    found = reasons()

    assert {name for _, name, _ in found} == {*MARKS}
    assert [place for place, _, why in found if len(why.split()) < FEWEST_WORDS] == []
    assert [place for place, _, why in found if not re.fullmatch(r"[a-z].*[^.]", why)] == []


def test_the_suite_names_files_that_exist():
    files = {path.relative_to(ROOT).as_posix() for path in source_files("tests")}

    assert {
        place for place in (*PLACES, *BEFORE_IT) if not any(f.startswith(place) for f in files)
    } == (set())
    assert files >= QUICK


async def test_a_database_keeps_what_is_written_until_its_path_is_released(
    over_http: Engine, tmp_path: Path
):
    path = tmp_path / "registry.db"
    async with opened(path) as db:
        await db.write(adding("ADA"))
        with elsewhere(path) as other:
            other.execute(
                "UPDATE actors SET display_name = :name WHERE chitty_id = :id",
                {"name": "Ada", "id": "ADA"},
            )
    async with opened(path) as db:
        again = await db.read(names())
    with closing(sqlite3.connect(over_http.file(path))) as copy:
        stored = copy.execute("SELECT chitty_id, display_name FROM actors").fetchall()

    assert (again, stored) == (["ADA"], [("ADA", "Ada")])
    assert not path.exists()


async def test_a_path_that_is_released_begins_anew_and_others_do_not(
    over_http: Engine, tmp_path: Path
):
    path, other = tmp_path / "registry.db", tmp_path / "other.db"
    for each in (path, other):
        async with opened(each) as db:
            await db.write(adding("ADA"))

    over_http.release({path})

    async with opened(path) as db, opened(other) as kept:
        assert (await db.read(names()), await kept.read(names())) == ([], ["ADA"])


def test_numbers_that_an_engine_has_no_digits_for_are_replaced_by_near_ones(over_http: Engine):
    kept = [exact(number) for number in (7, 2**53 - 1, 2**53 + 1, 2**53 + 3)]

    assert kept[:2] == [7, 2**53 - 1]
    assert len({*kept}) == 4
    assert max(kept) <= over_http.largest_integer
