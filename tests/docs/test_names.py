"""Every name in the docs exists, and everything of the API, the settings and the commands is in the docs."""

import argparse
import ast
import re
import tomllib
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest
from graphql import GraphQLEnumType

from db.commands.webhook_deliveries import Outcome
from db.errors import ErrorCode
from resolvers.loaders import ROWS_PER_OPERATION
from resolvers.permissions import Capability
from schema.built import GRAPHQL
from schema.errors import MAX_ERRORS, MAX_FIELD_ERRORS
from schema.filter_reader import MAX_DEPTH, MAX_PARTS
from schema.limits.limits import LIMITS
from server.cli import parser
from server.endpoints import socket_messages
from server.endpoints.github_webhooks import STATUS
from server.http import errors
from server.setting_fields import NOT_SETTINGS, PREFIX, variable
from server.settings import Settings
from tests.support.pages import doc_pages
from tests.support.pages.doc_pages import Page, page, rows
from tests.support.paths import ROOT, source_files

PAGES = [pytest.param(each, id=each.name) for each in doc_pages.pages()]
PACKAGES = ("db", "resolvers", "schema", "server")
OF_RUN = {"test", "check", "bench", "faults", "docs", "chittygraph", "help"}
ERRORS = page("docs/mutations-and-errors.md")
API = page("docs/api.md")
TAKE_A_CODE = {
    "__init__",
    "BadHeader",
    "BadRequest",
    "RequestRefused",
    "StreamEnd",
    "because",
    "_with_code",
}
OF_COMMANDS = {"BAD_SQL", "NOT_A_QUERY"}  # no client meets these
COMMAND = re.compile(r"\./run ([^\n`|<>#&)]*)")


def _commands() -> dict[str, argparse.ArgumentParser]:
    (found,) = _choices(parser())
    return found


def _choices(of: argparse.ArgumentParser) -> list[dict[str, argparse.ArgumentParser]]:
    actions = of._actions
    return [each.choices for each in actions if isinstance(each, argparse._SubParsersAction)]


def _flags(of: argparse.ArgumentParser) -> set[str]:
    found = {flag for action in of._actions for flag in action.option_strings}
    return found.union(*(_flags(each) for choices in _choices(of) for each in choices.values()))


@pytest.mark.parametrize("each", PAGES)
def test_every_command_of_a_page_exists_with_its_flags(each: Page):
    commands = _commands()

    for written in COMMAND.findall(each.text.replace("\\\n", " ")):
        words = written.removeprefix("chittygraph ").split()
        if not words or words[0].isupper() or words[0] in OF_RUN:
            continue
        assert words[0] in commands, written
        flags = {word.partition("=")[0] for word in words if re.match(r"--\w", word)}
        assert flags <= _flags(commands[words[0]]), written


def test_the_readme_lists_every_command():
    listed = [first for first, *_ in rows(page("README.md").section("Commands"))]
    words = {word for each in listed for word in re.findall(r"\./run (?:chittygraph )?(\w+)", each)}

    assert _commands().keys() | OF_RUN == words | {"help", "chittygraph"}
    assert any(each.startswith("`./run chittygraph check") for each in listed)


@pytest.mark.parametrize("each", PAGES)
def test_every_setting_of_a_page_exists(each: Page):
    known = {variable(setting.name) for setting in fields(Settings)} | NOT_SETTINGS

    assert set(re.findall(r"CHITTYGRAPH_[A-Z_]*[A-Z]", each.text)) <= known


@pytest.mark.parametrize("each", PAGES)
def test_every_code_and_value_of_a_page_exists(each: Page):
    values = {
        value
        for kind in GRAPHQL.type_map.values()
        if isinstance(kind, GraphQLEnumType)
        for value in kind.values
    }
    known = values | _codes() | {*errors.CODES.values()} | {code.value for code in ErrorCode}
    names = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", each.prose))

    assert {name for name in names if not name.startswith((PREFIX, "OTEL_"))} <= known


def test_every_error_code_is_documented_with_its_status():
    table = rows(ERRORS.section("Errors of a request or a field"))
    documented = {code for first, *_ in table for code in re.findall(r"`([A-Z_]+)`", first)}

    assert documented == {*errors.CODES.values(), *_codes()} - OF_COMMANDS
    for status, code in errors.CODES.items():
        (statuses,) = [row[1] for row in table if row[0] == f"`{code}`" and row[1][0].isdigit()]
        assert str(status) in statuses


def test_every_error_code_of_a_payload_is_documented():
    table = rows(ERRORS.section("Error codes of a payload"))

    assert [first.strip("`") for first, _ in table] == [code.value for code in ErrorCode]


@cache
def _codes() -> set[str]:
    """The codes that are written where an error with one is raised or shown."""
    found: set[str] = set()
    for path in source_files(*PACKAGES):
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


def test_every_mutation_is_documented_in_the_schemas_order():
    table = rows(ERRORS.section("Mutations").split("### ")[0])

    assert [first.strip("`") for first, _ in table] == list(GRAPHQL.mutation_type.fields)


def test_every_capability_is_documented():
    table = rows(page("docs/access.md").section("Permissions").split("### ")[0])

    assert sorted(first.strip("`") for first, _ in table) == sorted(
        each.value for each in Capability
    )


def test_every_outcome_of_a_delivery_is_documented_with_its_status():
    documented = re.findall(
        r"^\| (\d+) \| `(\w+)` \|", page("docs/github-webhooks.md").text, re.MULTILINE
    )

    assert {outcome: int(status) for status, outcome in documented} == {
        outcome.value: STATUS.get(outcome, 200) for outcome in Outcome
    }


def test_every_code_that_closes_a_socket_is_documented():
    table = rows(API.section("WebSockets and event streams"))
    source = ast.parse(Path(socket_messages.__file__).read_text())
    codes = {
        each.value
        for each in ast.walk(source)
        if isinstance(each, ast.Constant) and isinstance(each.value, int) and each.value >= 1000
    }

    assert {int(code) for code, _ in table} >= {code for code in codes if 1000 < code < 5000}
    assert [code for code, _ in table] == sorted(code for code, _ in table)


def test_the_fixed_limits_are_documented():
    limits = " ".join(API.section("Fixed limits").split())

    assert f"{ROWS_PER_OPERATION:,} rows at most (`TOO_MANY_ROWS`)" in limits
    assert f"{MAX_PARTS} parts, nested {MAX_DEPTH} deep, at most (`FILTER_TOO_LARGE`)" in limits
    objects, values = LIMITS.input_objects, LIMITS.input_values
    assert f"{objects:,} input objects and {values:,} other values at most" in limits
    assert f"return {LIMITS.introspection:,} objects at most" in limits
    assert f"lists {MAX_ERRORS} errors at most" in limits
    assert f"executed lists {MAX_FIELD_ERRORS}." in limits


def test_the_python_that_is_needed_is_the_one_that_is_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = project["requires-python"].removeprefix(">=")

    for name in ("README.md", "docs/getting-started.md"):
        assert f"Python {needed} or newer" in page(name).text
