"""examples/python: environments are made from the locks, and the README is followed to the letter."""

import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from graphql import (
    GraphQLScalarType,
    build_schema,
    lexicographic_sort_schema,
    parse,
    print_schema,
    specified_scalar_types,
    validate,
)

from schema.built import sdl
from server.cli import demo
from tests.support.expectations.printed_schema import PRINTED
from tests.support.other_programs.python_tools import ENVIRONMENTS, EXAMPLES, environment
from tests.support.pages.doc_pages import Page, page
from tests.support.registries.databases import new_registry
from tests.support.services.commands import command
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, served, url_of

TOOLS = ("ariadne-codegen", "gql", "sgqlc")
# Where a typed example uses a field, and what mypy says once its name is misspelt.
TYPED = {
    "ariadne-codegen": ("{context.name}", "{context.nam}", 'has no attribute "nam"'),
    "gql": ("{context['name']}", "{context['nam']}", 'has no key "nam"'),
}
BUILT_IN = set(specified_scalar_types)
PROGRAM = (".venv/bin/python", "contexts.py")
README = Page(EXAMPLES / "README.md")
SERVER = "http://127.0.0.1:8000"
INSTALL = "python3 -m venv .venv && .venv/bin/pip install --require-hashes -r requirements.txt"
LIVE = """
    SELECT substr(created_at, 1, 10) || '  ' || name FROM contexts
    WHERE status <> 'deleted' AND name NOT LIKE 'notes-of-%'
    ORDER BY created_at DESC, chitty_id DESC
"""
# Where an operation of the examples stands: in a file of its own, or in the program.
OPERATIONS = {"ariadne-codegen/operations.graphql": r"(.*)", "gql/contexts.py": r'gql\("""(.*?)"""'}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("python") / "registry.db")


@pytest.fixture(scope="module")
def root(registry: Path):
    """The address of an open server."""
    with served(registry, *QUIET) as (_, said):
        yield url_of(said, "")


@pytest.fixture(scope="module")
def followed(
    root: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, str]]:
    """A copy of an example in which all was typed that the README says, and what came of the last line."""

    @cache
    def follow(tool: str) -> tuple[Path, str]:
        project = tmp_path_factory.mktemp(tool) / tool
        shutil.copytree(EXAMPLES / tool, project)
        (project / ".venv").symlink_to(environment(tool))
        printed = [run(project, *line.replace(SERVER, root).split()) for line in commands(tool)]
        return project, printed[-1]

    return follow


def filled(path: Path) -> Path:
    """A registry with the sample data."""
    new_registry(path)
    demo.fill(path)
    return path


def run(project: Path, *words: str, fails: bool = False, **variables: str) -> str:
    """What a command in a project prints; it must succeed, or fail."""
    ran = subprocess.run(
        words,
        cwd=project,
        env={"PATH": "/usr/bin:/bin", "HOME": str(project), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (ran.returncode != 0) is fails, ran.stdout
    return ran.stdout


def commands(tool: str) -> list[str]:
    """What the README says to type for a tool, after its environment is made."""
    (typed,) = re.findall(r"```sh\n(.*?)```", README.section(tool), re.DOTALL)
    change_folder, install, *others = str(typed).splitlines()
    assert change_folder == f"cd examples/python/{tool}"
    assert install == INSTALL
    return others


@pytest.mark.thorough
@pytest.mark.parametrize("tool", TOOLS)
def test_an_example_reads_all_pages_and_is_told_why_a_name_is_refused(
    followed, tool: str, registry: Path
):
    with closing(sqlite3.connect(registry)) as connection:
        stored = [line for (line,) in connection.execute(LIVE)]

    _, printed = followed(tool)

    *listed, created, refused = printed.splitlines()
    assert len(listed) > 100  # so that there are three pages
    assert [line for line in listed if "notes-of-" not in line] == stored
    assert created == f"created notes-of-{tool}"
    assert refused.startswith(f"ALREADY_EXISTS at input.name: a context named 'notes-of-{tool}'")


@pytest.mark.thorough
@pytest.mark.parametrize("tool", TOOLS)
def test_an_example_shows_its_key_to_a_protected_server(followed, tool: str, tmp_path: Path):
    project, _ = followed(tool)

    path = filled(tmp_path / "protected.db")
    key = command("keys", "create", "--new-admin", "Root", "--database", path).stdout.strip()
    with served(path, "--auth", "protected", *QUIET) as (_, said):
        url = url_of(said, "/graphql")
        accepted = run(project, *PROGRAM, url, API_KEY=key)
        refused = run(project, *PROGRAM, url, fails=True)

    assert f"created notes-of-{tool}" in accepted
    assert "UNAUTHENTICATED" in refused or "401" in refused


@pytest.mark.thorough
@pytest.mark.parametrize("tool", TYPED)
def test_mypy_checks_an_example_and_finds_a_misspelt_field(followed, tool: str, tmp_path: Path):
    field, misspelt, message = TYPED[tool]
    project = shutil.copytree(followed(tool)[0], tmp_path / tool, symlinks=True)
    program = project / "contexts.py"
    options = (
        "--python-executable",
        ".venv/bin/python",
        "--cache-dir",
        str(ENVIRONMENTS / f"{tool}.mypy"),
    )
    mypy = (sys.executable, "-m", "mypy", "--strict", *options, program.name)

    passed = run(project, *mypy)
    program.write_text(program.read_text().replace(field, misspelt))
    failed = run(project, *mypy, fails=True)

    assert "no issues found" in passed
    assert message in failed


@pytest.mark.thorough
def test_the_schema_that_gql_introspects_is_the_one_that_is_served(followed, root: str):
    project, _ = followed("gql")
    printing = ("--transport", "httpx", "--print-schema")

    introspected = run(project, ".venv/bin/gql-cli", f"{root}/graphql", *printing)

    assert in_order(introspected) == re.sub(r" @specifiedBy\(.*?\)", "", in_order(sdl()))


def in_order(text: str) -> str:
    return print_schema(lexicographic_sort_schema(build_schema(text)))


@pytest.mark.parametrize(("file", "pattern"), OPERATIONS.items(), ids=OPERATIONS)
def test_the_operations_of_an_example_fit_the_schema(file: str, pattern: str):
    operations = re.findall(pattern, (EXAMPLES / file).read_text(), re.DOTALL)

    document = parse("\n".join(operations))

    assert len(document.definitions) >= 2
    assert validate(PRINTED, document) == []


@pytest.mark.parametrize("tool", TOOLS)
def test_the_readme_says_how_to_run_an_example(tool: str):
    *_, last = commands(tool)

    assert last == f".venv/bin/python contexts.py {SERVER}/graphql"


def test_the_docs_show_the_configuration_of_the_example():
    shown = {block.title: block.text for block in page("docs/connect-a-frontend.md").blocks}

    path = EXAMPLES / "ariadne-codegen/pyproject.toml"

    assert shown["examples/python/ariadne-codegen/pyproject.toml"] == path.read_text()


def test_every_scalar_has_a_type_in_the_generated_client():
    configuration = tomllib.loads((EXAMPLES / "ariadne-codegen/pyproject.toml").read_text())
    scalars = {
        name for name, type_ in PRINTED.type_map.items() if isinstance(type_, GraphQLScalarType)
    }

    assert configuration["tool"]["ariadne-codegen"]["scalars"].keys() == scalars - BUILT_IN


@pytest.mark.parametrize("tool", TOOLS)
def test_a_lock_pins_what_its_example_needs(tool: str):
    needed = (EXAMPLES / tool / "requirements.in").read_text().strip()
    lock = (EXAMPLES / tool / "requirements.txt").read_text()

    name = re.split(r"[^\w-]", needed)[0]
    assert re.search(rf"^{name}==\S+ \\\n    --hash=sha256:", lock, re.MULTILINE)
    assert "://" not in lock
