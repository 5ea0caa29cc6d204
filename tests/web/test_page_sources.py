"""What GraphiQL's page makes of documents and results, without a browser: see tests/npm/page-sources.mjs."""

import json
import shlex
from typing import Any

import pytest

from tests.support.other_programs import node

# By the name of each edit: what it replaces in the script's text, and with what.
EDITS = {
    "addField": ("    totalCount\n", "    totalCount\n    pageInfo {\n      endCursor\n    }\n"),
    "addFieldInLine": ("{ id name }", "{ id name owner { id } }"),
    "removeFieldWithItsLine": ("    totalCount\n", ""),
    "removeFieldInLine": ("{ id name }", "{ name }"),
    "addFirstArgument": ("actors {", "actors(first: 1) {"),
    "addArgumentOnItsLine": ("after: $after #", "after: $after\n    last: 1 #"),
    "removeFirstArgument": ("    first: 2\n", ""),
    "removeLastArgument": ("\n    after: $after #", " #"),
}
EDITS_OF_INPUTS = {
    "addObjectField": ("y: 2", "y: 2, z: 3"),
    "removeObjectField": ('x: { eq: "1" }, ', ""),
    "removeOnlyObjectField": ('{ eq: "1" }', "{}"),
    "addToList": ("[1]", "[1, 2]"),
}


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(node.run_script("graphql", "page-sources.mjs"))
    return parsed


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_an_operation_keeps_comments_and_layout(made, name):
    before, after = EDITS[name]

    assert made["operation"].count(before) == 1
    assert made[name] == made["operation"].replace(before, after)


@pytest.mark.parametrize("name", EDITS_OF_INPUTS)
def test_an_edit_of_an_input_keeps_the_rest_of_it(made, name):
    assert made[name] == made["input"].replace(*EDITS_OF_INPUTS[name])


def test_a_field_is_added_behind_the_comment_of_the_last_one(made):
    assert made["addFieldBehindComment"] == "{\n  a # note\n  b\n}"


def test_an_empty_input_object_gets_its_first_field(made):
    assert made["addToEmptyObject"] == "{ a(b: { c: 1 }) }"


def test_lists_become_tables_of_the_values_in_their_rows(made):
    capabilities, contexts = made["lists"]

    assert capabilities == {
        "name": "viewer.capabilities",
        "columns": ["value"],
        "cells": [{"value": "admin"}],
    }
    assert contexts["name"] == "contexts"
    assert contexts["columns"] == ["name", "owner.id", "connections", "cursor", "tags"]
    assert contexts["cells"][0]["connections"] == [{"id": 7}]
    assert contexts["cells"][1]["name"] is None


def test_pages_that_lie_in_no_list_are_found_with_the_way_to_the_next(made):
    assert made["pages"] == [
        ["some", "Next page", 'e"', True],
        ["last", "Previous page", None, True],
        ["one.contexts", "Next page", None, False],
    ]
    assert '(first: 1, after: "e\\"")' in made["turnedWithLiteral"]
    assert made["turnedWithVariable"] == {"variable": "after", "value": "c"}
    assert made["pagesOfMutation"] == []


def test_no_character_of_a_copied_command_edits_it_in_a_terminal(made):
    """DEL would delete the quotes before it: a linked query could run programs when it is pasted."""
    command = made["command"]
    sent = json.loads(shlex.split(command.replace("\\\n", ""))[-1])

    assert command.replace("\n", "").isprintable()
    assert sent == {
        "query": '{ a(b: "\'\x7f\x7f\x7f; echo run #\x9b201~") }',
        "variables": {"c": "\x7f"},
    }


def test_a_copied_command_of_a_subscription_shows_events_as_they_come(made):
    words = shlex.split(made["streamCommand"].replace("\\\n", ""))

    assert words[:3] == ["curl", "-N", "http://localhost/graphql"]
    assert "accept: text/event-stream" in words


def test_objects_of_a_result_are_found_by_their_ids_and_keys_each_once(made):
    assert made["objects"] == [
        "actor:A-1",
        "context:C-1",
        "installation:7",
        "connection:k,&1",
        "service:git hub",
        "service:日本",
        "service:s",
        "context:C-2",
    ]


def test_without_a_schema_objects_are_found_by_their_ids(made):
    assert made["objectsWithoutSchema"] == ["context:C-1", "actor:A-1", "service:s"]


def test_what_only_looks_like_an_id_is_none(made):
    assert made["noIds"] == []


def test_ids_are_selected_where_objects_have_nothing_that_names_them(made):
    text = made["selectsIds"]

    assert 'first: context(chittyId: "c") { name owner { displayName id } id }' in text
    assert "... on Context { name } ... on Node { id } } }" in text
    assert text.count("id }") == 4  # nothing else was selected
    assert made["selectsNoIdsOfMutations"] == []


def test_fragments_that_spread_each_other_end(made):
    assert made["ofRecursiveFragments"] == ["actor:1"]


def test_a_link_to_the_graph_page_names_objects_as_far_as_it_may(made):
    address = made["linkToFew"]["address"]

    assert made["linkToFew"]["count"] == 8
    assert address.startswith("http://localhost/graph#nodes=actor%3AA-1,context%3AC-1,")
    assert ",connection%3Ak%2C%261,service%3Agit%20hub,service%3A%E6%97%A5" in address
    assert made["linkToMany"] == 500
    assert 250 < made["linkToLong"] < 400
