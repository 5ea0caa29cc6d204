"""The files that people take for their clients are the schema's, and the linters accept them."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type

from docs import generate
from schema.limits.limits import LIMITS
from tests.support.expectations.printed_schema import PRINTED
from tests.support.other_programs import node
from tests.support.other_programs.npm_projects import Project
from tests.support.pages.doc_pages import DOCS, page
from tests.support.paths import NPM, ROOT

CLIENTS = DOCS / "clients"
BLOCKS = {
    block.title: block.text for block in page("docs/connect-a-frontend.md").blocks if block.title
}


def read(name: str) -> Any:
    return json.loads((CLIENTS / name).read_text())


@pytest.mark.parametrize("name", generate.CLIENT_FILES)
def test_the_generated_files_are_up_to_date(name: str):
    assert (DOCS / name).read_text() == generate.client_file(name), "run docs/generate.py"


def test_every_file_is_on_the_page_that_offers_them():
    named = re.findall(r"\]\(clients/([^)]+)\)", page("docs/connect-a-frontend.md").text)

    assert sorted(named) == sorted(path.name for path in CLIENTS.iterdir())


def test_every_object_type_has_an_identity_or_is_part_of_another_object():
    keys = read("cache-keys.json")
    objects = {
        type_.name
        for type_ in PRINTED.type_map.values()
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__")
    }

    assert objects - {"Query", "Mutation", "Subscription"} == {
        *keys["keyFields"],
        *keys["embedded"],
    }
    assert not keys["keyFields"].keys() & set(keys["embedded"])
    assert keys["keyFields"]["Viewer"] == []
    assert keys["keyFields"]["Actor"] == ["id"]


def test_the_configurations_on_the_page_say_what_the_files_say():
    (codegen,) = re.findall(r"scalars: (\{.*?\})", BLOCKS["examples/page/codegen.ts"])
    (tada,) = re.findall(r"scalars: (\{.*?\})", BLOCKS["examples/apollo/src/graphql.ts"])
    (possible,) = re.findall(
        r"possibleTypes: (\{.*?\})", BLOCKS["examples/apollo/src/client.ts"], re.DOTALL
    )

    assert _unquoted(codegen) == dict(re.findall(r"(\w+): (\w+)", tada)) == read("scalars.json")
    assert json.loads(BLOCKS["examples/relay/relay.config.json"])["customScalarTypes"] == read(
        "scalars.json"
    )
    assert {name: sorted(types) for name, types in _unquoted(possible).items()} == read(
        "possible-types.json"
    )


def _unquoted(literal: str) -> Any:
    """What an object literal of JavaScript holds."""
    quoted = re.sub(r"(\w+):", r'"\1":', literal)
    return json.loads(re.sub(r",(\s*})", r"\1", quoted))


def test_the_exceptions_are_those_of_the_type_connection_and_of_search():
    returning = [
        f"{type_.name}.{name}"
        for type_ in PRINTED.type_map.values()
        if isinstance(type_, GraphQLObjectType)
        for name, field in type_.fields.items()
        if get_named_type(field.type).name == "Connection"
    ]
    exceptions = read("eslint-suppressions.json")["schema.graphql"]

    of_search = {"last", "before"} - set(PRINTED.query_type.fields["search"].args)
    count = len(returning) + len(of_search)
    assert exceptions["@graphql-eslint/relay-arguments"] == {"count": count}
    for field in re.findall(
        r"'(\w+\.\w+)'", (CLIENTS / "graphql-schema-linter.config.js").read_text()
    ):
        assert field in returning


def test_operations_are_linted_for_the_depth_that_the_server_takes():
    (depth,) = re.findall(r"maxDepth: (\d+)", (CLIENTS / "eslint.config.mjs").read_text())

    assert int(depth) == LIMITS.depth - 1  # the rule does not count the root field


@pytest.fixture(scope="module")
def page_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example page with the files and the schema, after codegen has written its types."""
    project = Project("page", tmp_path_factory.mktemp("linted"))
    for path in CLIENTS.iterdir():
        shutil.copy(path, project.path)
    shutil.copy(ROOT / "schema" / "schema.graphql", project.path)
    project.run("generate")
    return project


@pytest.mark.thorough
def test_eslint_accepts_the_schema_and_reports_operations_that_are_wrong(page_project: Project):
    right = page_project.try_to_run("lint")
    wrong_file = page_project.path / "src" / "wrong.tsx"
    wrong_file.write_text(
        "const A = graphql(`query A { contexts { nodes { name } } }`);\n"
        "const B = graphql(`query B { contexts { nodes { id missing } } }`);\n"
    )
    wrong = page_project.try_to_run("lint")
    wrong_file.unlink()

    assert right.returncode == 0, right.stdout + right.stderr
    assert wrong.returncode == 1
    assert set(re.findall(r"@graphql-eslint/([\w-]+)", wrong.stdout)) == {
        "require-selections",
        "fields-on-correct-type",
    }


@pytest.mark.thorough
def test_every_exception_of_eslint_is_needed_and_of_the_type_connection_or_of_search(
    page_project: Project,
):
    suppressions = page_project.path / "eslint-suppressions.json"
    suppressions.unlink()
    ran = page_project.try_to_run("lint", "schema.graphql", "--format", "json")
    shutil.copy(CLIENTS / suppressions.name, suppressions)

    lines = (ROOT / "schema" / "schema.graphql").read_text().splitlines()
    (found,) = [
        each for each in json.loads(ran.stdout) if each["filePath"].endswith("/schema.graphql")
    ]
    counts: dict[str, int] = {}
    for each in found["messages"]:
        counts[each["ruleId"]] = counts.get(each["ruleId"], 0) + 1
        declared = " ".join(lines[each["line"] - 1 : each["line"] + 4])
        assert re.search(r"\bConnection\b|^  search\(", declared), each
    suppressed = read("eslint-suppressions.json")["schema.graphql"]
    assert {rule: {"count": count} for rule, count in counts.items()} == suppressed


@pytest.mark.thorough
def test_graphql_schema_linter_accepts_the_schema_by_its_configuration_only(tmp_path: Path):
    config = tmp_path / "graphql-schema-linter.config.js"
    shutil.copy(CLIENTS / config.name, config)
    shutil.copy(ROOT / "schema" / "schema.graphql", tmp_path)
    right = lint_schema(tmp_path)
    config.write_text(config.read_text().replace("  ignore:", "  nothing:"))
    strict = lint_schema(tmp_path)

    assert right.returncode == 0, right.stdout
    assert "are invalid" not in right.stdout + right.stderr
    assert set(re.findall(r"(relay-[\w-]+)", strict.stdout)) == {
        "relay-connection-types-spec",
        "relay-connection-arguments-spec",
    }


def lint_schema(folder: Path) -> subprocess.CompletedProcess[str]:
    script = NPM / "node_modules" / "graphql-schema-linter" / "lib" / "cli.js"
    return subprocess.run(
        [node.require("graphql-schema-linter"), str(script), "schema.graphql"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=node.SECONDS,
        check=False,
    )
