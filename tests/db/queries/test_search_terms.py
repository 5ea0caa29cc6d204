"""What is asked of an index: whole words, as far as its vocabulary has few enough of them."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from db.model.searched import FIRST
from db.model.tables import CONNECTIONS
from db.queries import search_terms
from db.queries.search_terms import FEW_PLACES, FEWEST_TERMS, MOST_TERMS, Terms
from tests.support.registries.databases import new_registry

ADD = """
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :count)
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,
        target_endpoint, created_at, updated_at)
    SELECT 'c' || n, 'CHITTY-ADA', 'actor', printf(:service, n), printf(:endpoint, n), :at, :at FROM n
"""
AT = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return new_registry(tmp_path / "registry.db")


def fill(path: Path, count: int, service: str, endpoint: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        bind = {"count": count, "service": service, "endpoint": endpoint, "at": AT}
        connection.execute(ADD, bind)


def terms(path: Path, *words: str) -> Terms:
    with closing(sqlite3.connect(path)) as connection:
        (sought,) = search_terms.sought([CONNECTIONS], words)
        return search_terms.read(connection.execute(sought.sql, sought.bind).fetchall())


def test_a_word_that_every_row_has_is_asked_for_whole(path: Path):
    fill(path, FEW_PLACES + 1, "github %d", "https://%d.example.com")

    found = terms(path, "exam", "https")

    assert found.begun("exam") == ['"example"']
    assert search_terms.with_words(CONNECTIONS, found, ["exam"]) == '"example"'
    assert search_terms.beginning(found, ["https"]) == f'"{FIRST}https"'


def test_words_that_begin_alike_are_each_asked_for(path: Path):
    fill(path, 20, "github", "octo%d")

    begun = terms(path, "octo1").begun(f"{FIRST}octo1")

    assert begun == [f'"{FIRST}octo{n}"' for n in ("1", *range(10, 20))]


def test_a_beginning_of_many_words_that_are_in_few_places_is_asked_for_itself(path: Path):
    fill(path, MOST_TERMS + 1, "github", "x octo%d")

    assert terms(path, "octo").begun("octo") == ['"octo" *']


def test_of_a_beginning_of_too_many_words_the_first_are_asked_for(path: Path):
    fill(path, FEW_PLACES, "github", "x octo%05d")

    alone, beside = terms(path, "octo"), terms(path, *(f"octo{n}" for n in "01234567"))

    assert alone.begun("octo") == [f'"octo{n:05}"' for n in range(1, MOST_TERMS + 1)]
    assert len(beside.begun("octo0")) == FEWEST_TERMS


@pytest.mark.parametrize(
    ("words", "asked"), [(["g"], []), (["gi"], []), (["git"], [f"{FIRST}git"])]
)
def test_what_the_index_has_itself_is_not_looked_up(
    path: Path, words: Sequence[str], asked: list[str]
):
    sought = search_terms.sought([CONNECTIONS], words)

    assert [each.bind["beginnings"] for each in sought] == [
        f'["\\ue000{each[1:]}"]' for each in asked
    ]
    assert Terms({}).begun("git") == ['"git" *']


def test_a_word_that_no_text_has_asks_the_index_for_nothing(path: Path):
    fill(path, 3, "github", "octo%d")

    found = terms(path, "octo", "zzzz")

    assert search_terms.with_words(CONNECTIONS, found, ["octo", "zzzz"]) == ""
    assert search_terms.beginning(found, ["octo", "zzzz"]) == ""


def test_as_many_words_as_are_searched_for_are_no_error(path: Path):
    fill(path, 60, "x-octo%d", "octo%d octoz%d")
    words = [f"octo{n}" for n in range(1, 9)]
    found = terms(path, *words)

    with closing(sqlite3.connect(path)) as connection:
        for match in (
            search_terms.with_words(CONNECTIONS, found, words),
            search_terms.beginning(found, words),
        ):
            rows = "SELECT rowid FROM connections_search WHERE connections_search MATCH ?"
            assert connection.execute(rows, [match]).fetchall() == []
