"""The picture of what the registry stores, which is made from the declarations."""

import re
from xml.etree import ElementTree

import pytest

from db.model.graph import GRAPH_RELATIONS, GRAPH_TABLES
from docs import generate, model_diagram
from tests.support.paths import ROOT

PICTURE = ROOT / "docs" / "images" / "model.svg"
SVG = "{http://www.w3.org/2000/svg}"


def texts() -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(PICTURE.read_text()).iter(f"{SVG}text"))


@pytest.mark.parametrize("name", generate.PICTURES)
def test_the_picture_is_up_to_date(name: str):
    assert (generate.DOCS / name).read_text() == generate.PICTURES[name](), "run docs/generate.py"


def test_it_shows_every_column_of_every_table_and_every_relation():
    shown = [each.text for each in texts() if each.get("class") != "type"]

    expected = [relation.name.name for relation in GRAPH_RELATIONS]
    for table in GRAPH_TABLES:
        expected += [table.name, *table.columns]
    assert sorted(shown, key=str) == sorted(expected)


def test_it_tells_what_may_be_missing():
    types = [each.text or "" for each in texts() if each.get("class") == "type"]

    columns = [column for table in GRAPH_TABLES for column in table.columns.values()]
    assert sum(text.endswith("?") for text in types) == sum(each.nullable for each in columns)


def test_a_column_and_its_type_fit_into_their_card():
    per_character = 7.2  # of the widest usual fonts at this size
    for table in GRAPH_TABLES:
        for column in table.columns.values():
            shown = f"{column.name} {column.type.name.removeprefix('enum ')}?"
            assert len(shown) * per_character < model_diagram.WIDTH + 36, shown


def test_a_table_without_a_place_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(model_diagram, "PLACES", model_diagram.PLACES[:-1])

    with pytest.raises(ValueError, match="has no place for installations, services"):
        model_diagram.svg()


def test_it_loads_nothing_and_says_what_it_shows():
    text = PICTURE.read_text()

    assert re.findall(r"""(?:href|src|url)\s*=|@import|<script|<image""", text) == []
    assert set(re.findall(r"https?://[^\"]+", text)) == {"http://www.w3.org/2000/svg"}
    assert ElementTree.fromstring(text).get("aria-label")
