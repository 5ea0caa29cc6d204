"""What the README promises a new user."""

import argparse
import ast
import json
import re
import shlex
from urllib.request import Request, urlopen

import pytest

from db.commands.webhook_deliveries import Outcome
from db.errors import ErrorCode
from resolvers.loaders import ROWS_PER_OPERATION
from schema.filter_reader import DEEPEST, MOST_PARTS
from server.cli import parser
from server.endpoints.github_webhooks import STATUS
from server.http import errors
from tests.support.paths import ROOT
from tests.support.server_process import PATIENCE, served, url_of

README = (ROOT / "README.md").read_text()
PACKAGES = ("db", "resolvers", "schema", "server")
TAKE_A_CODE = {"BadRequest", "RequestRefused", "because", "_with_code"}
OF_COMMANDS = {"BAD_SQL", "NOT_A_QUERY"}  # no client meets these
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

    section = README[README.index("\n## Commands\n") :].split("\n## ")[1]
    rows = re.findall(r"^\| (`\./run .*?) \|", section, re.MULTILINE)
    listed = {word for row in rows for word in re.findall(r"\./run (?:chittygraph )?(\w+)", row)}

    assert commands.keys() <= listed
    assert "`./run chittygraph check" in section  # `./run check` is another


def test_every_link_leads_to_a_section_and_the_contents_name_them_all_in_order():
    headings = re.findall(r"^(##+) (.*)$", README, re.MULTILINE)
    places = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for _, title in headings]
    contents = README[README.index("\n## Contents\n") :].split("\n## ")[1]

    assert set(re.findall(r"\]\(#(.*?)\)", README)) <= set(places)
    assert (
        re.findall(r"\]\(#(.*?)\)", contents)
        == [place for place, (level, _) in zip(places, headings, strict=True) if level == "##"][1:]
    )


def test_every_code_of_an_error_is_explained():
    section = README[README.index("\n## Errors\n") :].split("\n## ")[1]
    rows = re.findall(r"^\| (`[A-Z].*?) \|", section, re.MULTILINE)
    told = {code for row in rows for code in re.findall(r"`([A-Z_]+)`", row)}
    prose = section[: section.index("| Code")]

    assert told == {*errors.CODES.values(), *codes_in_the_source()} - OF_COMMANDS
    assert re.findall(r"`([A-Z_]+)`", prose) == [code.value for code in ErrorCode]
    for status, code in errors.CODES.items():
        (statuses,) = re.findall(rf"^\| `{code}` \| (\d.*?) \|", section, re.MULTILINE)
        assert str(status) in statuses


def test_the_limits_that_are_no_settings_are_told():
    told = " ".join(README.split())

    assert f"{ROWS_PER_OPERATION:,} rows at most (`TOO_MANY_ROWS`)" in told
    assert f"{MOST_PARTS} parts, nested {DEEPEST} deep, at most (`FILTER_TOO_LARGE`)" in told


def codes_in_the_source() -> set[str]:
    """The codes that are written where an error with one is raised or shown."""
    found: set[str] = set()
    for path in (path for folder in PACKAGES for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in TAKE_A_CODE:
                given = node.args
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "code":
                given = [node.value]
            else:
                continue
            texts = (each for one in given for each in ast.walk(one))
            values = [str(each.value) for each in texts if isinstance(each, ast.Constant)]
            found.update(value for value in values if re.fullmatch(r"[A-Z]+(_[A-Z]+)*", value))
    return found


def test_every_outcome_of_a_delivery_is_explained_with_its_status():
    explained = re.findall(r"^\| (\d+) \| `(\w+)` \|", README, re.MULTILINE)

    assert {outcome: int(status) for status, outcome in explained} == {
        outcome.value: STATUS.get(outcome, 200) for outcome in Outcome
    }
