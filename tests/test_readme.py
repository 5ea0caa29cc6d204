"""What the README promises a new user."""

import argparse
import json
import re
import shlex
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from db.deliveries import Outcome
from schema import conditions
from server.cli import parser
from server.webhooks import STATUS
from tests.serving import PATIENCE, served, url_of

README = (Path(__file__).parent.parent / "README.md").read_text()
CURL = re.search(r"curl .*?(?=\n\n)", README, re.DOTALL)
QUERIES = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Post a JSON body to a server with the demo and read its answer."""
    with served(tmp_path_factory.mktemp("readme") / "registry.db", "--demo") as (_, said):

        def post(body):
            head = {"content-type": "application/json"}
            request = Request(url_of(said, "/graphql"), body.encode(), head)
            with urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)

        yield post


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_answers_something_and_no_error(ask, query):
    answer = ask(json.dumps({"query": query}))

    assert "errors" not in answer
    (found,) = answer["data"].values()
    assert found.get("nodes") or found["errors"] == []


def test_the_curl_line_answers(ask):
    assert CURL
    body = shlex.split(CURL[0])[-1]

    answer = ask(body)

    assert len(answer["data"]["contexts"]["nodes"]) == 3


def test_every_command_is_listed():
    (commands,) = (
        action.choices
        for action in parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )

    listed = set(re.findall(r"`\./run (\w+)", README))

    assert commands.keys() <= listed


def test_every_outcome_of_a_delivery_is_explained_with_its_status():
    explained = re.findall(r"^\| (\d+) \| `(\w+)` \|", README, re.MULTILINE)

    assert {outcome: int(status) for status, outcome in explained} == {
        outcome.value: STATUS.get(outcome, 200) for outcome in Outcome
    }


def test_how_large_a_filter_may_be_is_told():
    most, deepest = conditions.MOST_PARTS, conditions.DEEPEST

    assert f"A filter may have {most} parts, nested {deepest} deep" in README
