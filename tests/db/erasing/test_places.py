"""Every table that migrations make is declared for erasing, and so are columns with texts to replace."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db.erasing import places
from db.erasing.places import Treatment
from db.migrating import recreation
from db.migrating.adoption import lineages
from db.model.tables import CONNECTIONS, CONTEXTS, INSTALLATIONS
from db.sqlite import catalog
from tests.support.registries.databases import new_registry

DECLARE = (
    "declare how `chittygraph erase` treats it in TREATMENTS of db/erasing/places.py, and in REPLACEABLE the"
    " columns in which it may replace a text"
)


@pytest.fixture
def made(tmp_path: Path) -> dict[str, catalog.Object]:
    with closing(sqlite3.connect(new_registry(tmp_path / "registry.db"))) as connection:
        return {
            name: each for name, each in catalog.read(connection).items() if each.type == "table"
        }


def test_every_table_is_declared(made):
    assert made.keys() - places.TREATMENTS.keys() == set(), DECLARE
    assert places.TREATMENTS.keys() - made.keys() == set(), "no migration makes these any more"


def test_texts_are_replaced_only_in_columns_that_there_are_and_that_are_no_keys(made):
    for table, columns in places.REPLACEABLE.items():
        stored = made[table].columns
        assert set(columns) <= stored.keys()
        assert [name for name in columns if stored[name].place] == []


def test_tables_whose_texts_are_replaced_say_in_which_columns():
    replaced = {
        name for name, each in places.TREATMENTS.items() if each is not Treatment.LISTED
    } - {"changes"}

    assert replaced == places.REPLACEABLE.keys()


def test_only_words_of_people_are_replaced():
    assert places.REPLACEABLE[CONTEXTS.name] == ["name", "data", "systems", "tools"]
    assert places.REPLACEABLE[CONNECTIONS.name] == [
        "target_service",
        "target_endpoint",
        "last_error",
        "config",
    ]
    assert places.REPLACEABLE[INSTALLATIONS.name] == [
        "account_login",
        "account_avatar_url",
        "selected_repositories",
    ]


@pytest.mark.parametrize(
    "name",
    [
        f"contexts{lineages.BEFORE_ADOPTION}",
        f"actors{recreation.BEFORE_RECREATION}",
        f"actors{recreation.BEFORE_RECREATION}_2",
    ],
)
def test_tables_that_were_set_aside_are_copies(name):
    assert places.treatment_of(name) is Treatment.ALWAYS


def test_tables_of_other_programs_are_listed():
    assert places.treatment_of("users") is Treatment.LISTED
