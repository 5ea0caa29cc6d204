"""What the graph page makes of links and answers, without a browser: see tests/npm/graph-sources.mjs."""

import json
import math
from itertools import combinations
from typing import Any

import pytest

from tests.support.other_programs import node


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(node.run_script("graphql", "graph-sources.mjs"))
    return parsed


def test_all_that_the_page_asks_is_valid_in_the_schema(made):
    assert made["wrong"] == []
    assert made["documents"] >= 12


def test_a_link_carries_a_view_with_any_names(made):
    assert made["link"].startswith("http://localhost/registry/graph#start=service%3Aa%2C%20b")
    assert made["restored"] == {"view": made["view"], "ignored": [], "isTooLong": False}
    assert made["empty"] == "http://localhost/registry/graph"


def test_what_a_link_may_not_carry_is_left_out_and_told(made):
    view, ignored = made["refused"]["view"], made["refused"]["ignored"]

    assert view == {"nodes": ["a", "b"], "at": ["1", "2"], "kinds": ["ACTOR"]}
    assert ignored == ["depth", "layout", "at", "kinds", "__proto__", "constructor", "statuses"]


def test_a_path_of_one_end_is_told(made):
    assert made["halfPath"]["view"] == {}
    assert made["halfPath"]["ignored"] == ["path (needs 2 objects)"]


def test_a_link_that_is_too_long_is_told_and_read_as_far_as_its_items_fit_in_whole(made):
    assert made["cut"].endswith("#nodes=service%3A499")
    assert made["cutItem"] == {"view": {"only": ["failing"]}, "ignored": [], "isTooLong": True}


def test_changes_are_told_by_the_newest_and_no_more_often_than_they_can_be_heard(made):
    assert made["events"] == [
        "a → b failed",
        "a → b became active",
        "a → b changed",
        "a → b added",
        "a → b removed",
    ]
    assert made["said"] == {
        "notices": ["e, and 4 other changes", "h, and 2 other changes", "i"],
        "left": 0,
    }


def test_no_link_is_made_with_more_than_it_may_carry(made):
    assert made["tooMany"] is None
    assert made["tooLong"] is None
    assert made["expanded"] == [True, False]


def test_a_link_says_where_an_object_was_put_whatever_its_name(made):
    assert made["moved"] == ["service:a~b", {"x": -12, "y": 340}]
    assert made["notMoved"] == {
        "view": {"moved": ["service:b~1~2"]},
        "ignored": ["moved"],
        "isTooLong": False,
    }


def test_no_label_is_cut_by_the_edge_of_the_picture(made):
    assert len(made["labels"]) == 5
    for label in made["labels"]:
        assert 0 <= label["left"] < label["right"] <= 300


def test_objects_are_named_and_described_in_words(made):
    assert made["titles"] == [
        "CHITTY-1: actor, ai, suspended",
        "docs: context, active",
        "octo: installation, user, suspended",
        "docs → github: connection, api, failed, https://api.github.com/a",
        "github: service",
        "other: service",
    ]
    assert made["undrawn"] == [None, None]


def test_relations_follow_from_what_objects_tell_of_each_other(made):
    assert made["edges"] == ["a OWNS c", "a SUSPENDED i", "c OPENS x", "x USES i", "x TARGETS s"]
    assert made["affected"] == ["c", "i", "s"]


def test_filters_leave_objects_by_kind_status_and_failure(made):
    assert made["contexts"] == ["c", "s", "t"]
    assert made["active"] == ["c", "s", "t"]  # services have no status
    assert made["failing"] == ["c", "i", "x", "s"]


@pytest.mark.parametrize("layout", ["columns", "rings"])
def test_a_layout_places_each_object_apart_from_all_others(made, layout):
    before, after, again = (made[layout][name] for name in ("before", "after", "again"))

    assert len(before) == 171
    assert before == again
    assert after.keys() == {"y1", "y2", "y3"}
    places = [(place["x"], place["y"]) for place in [*before.values(), *after.values()]]
    assert min(math.dist(one, other) for one, other in combinations(places, 2)) >= 38


def test_keys_lead_to_the_next_object_in_a_direction_and_stay_where_there_is_none(made):
    assert made["directions"] == ["left", "right", "up", "middle"]
    assert made["first"] == "up"  # which has the most relations


def test_every_part_of_a_text_that_a_search_found_is_marked(made):
    assert made["marked"] == ["", "acme", " owns ", "acme", "-docs"]
    assert made["unmarked"] == "acme owns acme-docs"
