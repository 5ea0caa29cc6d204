"""What holds for all examples: documents that fit the schema, and pinned packages."""

import json
import re

import pytest
from graphql import NoUndefinedVariablesRule, parse, specified_rules, validate
from graphql.utilities import concat_ast, extend_schema

from tests.support.expectations.printed_schema import PRINTED
from tests.support.other_programs.npm_projects import PROJECTS, own_files
from tests.support.pages.doc_pages import Page
from tests.support.paths import EXAMPLES, ROOT

DOCUMENT = re.compile(r"graphql\(?`(.*?)`|='((?:query|mutation) .*?)'", re.DOTALL)
# Relay declares the variables of a fragment in a directive, which its compiler understands.
RULES = [rule for rule in specified_rules if rule is not NoUndefinedVariablesRule]
RELAY = parse("""
    scalar Unknown
    directive @argumentDefinitions(count: Unknown, cursor: Unknown) on FRAGMENT_DEFINITION
    directive @refetchable(queryName: String!) on FRAGMENT_DEFINITION
    directive @throwOnFieldError on FRAGMENT_DEFINITION
    directive @connection(key: String!, filters: [String!]) on FIELD
    directive @alias(as: String!) on FRAGMENT_SPREAD
""")


@pytest.mark.parametrize("project", [*PROJECTS, "curl"])
def test_the_documents_of_an_example_fit_the_schema(project: str):
    sources = [path for path in own_files(project) if path.suffix in {".ts", ".tsx", ".sh"}]
    found = [each for path in sources for each in DOCUMENT.finditer(path.read_text())]

    document = concat_ast([parse(each[1] or each[2]) for each in found])

    assert len(document.definitions) > 1
    assert validate(extend_schema(PRINTED, RELAY), document, RULES) == []


def test_every_example_is_listed_and_every_npm_project_is_fetched_for_tests():
    folders = {path.parent.name for path in EXAMPLES.glob("*/README.md")}
    projects = {path.parent.name for path in EXAMPLES.glob("*/package.json")}
    listed = re.findall(r"^\| \[(\w+)\]\((\w+)\)", (EXAMPLES / "README.md").read_text(), re.M)

    assert {name for pair in listed for name in pair} == folders
    assert projects == {*PROJECTS}
    assert {*re.findall(r"examples/(\w+)", (ROOT / "run").read_text())} == projects


@pytest.mark.parametrize("project", PROJECTS)
def test_every_file_that_a_readme_names_exists(project: str):
    folder = EXAMPLES / project
    rows = re.findall(r"^\| (`.*?`) \|", Page(folder / "README.md").text, re.MULTILINE)

    named = [name for row in rows for name in re.findall(r"`(.*?)`", row)]

    assert [name for name in named if not (folder / name).exists()] == []
    assert named


@pytest.mark.parametrize("project", PROJECTS)
def test_an_example_pins_what_it_needs_and_names_no_registry(project: str):
    package = json.loads((EXAMPLES / project / "package.json").read_text())
    versions = package["dependencies"] | package["devDependencies"]

    assert [each for each in versions.values() if not re.fullmatch(r"[\d.]+", each)] == []
    assert '"resolved"' not in (EXAMPLES / project / "package-lock.json").read_text()


def test_what_two_examples_have_in_common_has_one_version():
    found: dict[str, set[str]] = {}
    for project in PROJECTS:
        package = json.loads((EXAMPLES / project / "package.json").read_text())
        for name, version in (package["dependencies"] | package["devDependencies"]).items():
            found.setdefault(name, set()).add(version)

    assert {name: versions for name, versions in found.items() if len(versions) > 1} == {}
