"""What clients were promised with the last release is kept, or the CHANGELOG says what breaks."""

import json
from pathlib import Path

import pytest
from graphql import build_schema

from schema.built import sdl
from tests.support.expectations.breaking_changes import announces, unannounced, unreleased
from tests.support.expectations.printed_schema import PRINTED
from tests.support.other_programs import node
from tests.support.paths import ROOT

RELEASED = ROOT / "schema" / "released.graphql"
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
# A line of the schema, what takes its place, and the coordinate that an entry has to name.
BREAKS = {
    "a removed field": (
        '  """The display name"""\n  displayName: String\n\n',
        "",
        "Actor.displayName",
    ),
    "another type": ("  sessionCount: BigInt\n", "  sessionCount: Int\n", "Actor.sessionCount"),
    "a field that may be null now": (
        "  status: ActorStatus!\n",
        "  status: ActorStatus\n",
        "Actor.status",
    ),
    "a removed value": (
        '  """An enterprise, which consists of organizations"""\n  ENTERPRISE\n',
        "",
        "AccountType.ENTERPRISE",
    ),
    "a removed type of a union": (
        "union ConnectionSource = Context | Actor\n",
        "union ConnectionSource = Context\n",
        "Actor",
    ),
    "a required field of an input": (
        "input ContextRefInput {\n",
        'input ContextRefInput {\n  """Why"""\n  reason: String!\n\n',
        "ContextRefInput.reason",
    ),
    "a required argument": (
        "  viewer: Viewer\n",
        '  viewer(\n    """Which"""\n    which: Int!\n  ): Viewer\n',
        "Query.viewer",
    ),
}
SAFE = {
    "a new field": ("  viewer: Viewer\n", "  viewer: Viewer\n\n  whoever: Viewer\n"),
    "a field that is never null now": (
        "  sessionCount: BigInt\n",
        "  sessionCount: BigInt!\n",
    ),
    "another description": ('"""The type of a GitHub account"""', '"""What an account is"""'),
}


def changed(line: str, replacement: str) -> str:
    assert sdl().count(line) >= 1, line
    return sdl().replace(line, replacement, 1)


def entry(coordinate: str) -> str:
    return f"# Changelog\n\n## Unreleased\n\n### Breaking\n\n- `{coordinate}` has changed.\n\n### Fixed\n"


def test_every_breaking_change_since_the_last_release_is_announced():
    released = build_schema(RELEASED.read_text(), assume_valid_sdl=True)

    assert unannounced(released, PRINTED, CHANGELOG) == [], (
        'add an entry under "### Breaking" of CHANGELOG.md that names it in backticks'
    )


def test_a_release_that_has_no_entries_yet_serves_what_it_promised():
    assert unreleased(CHANGELOG).strip() or RELEASED.read_text() == sdl(), (
        "cp schema/schema.graphql schema/released.graphql"
    )


@pytest.mark.parametrize(("line", "replacement", "coordinate"), BREAKS.values(), ids=BREAKS)
def test_a_breaking_change_needs_an_unreleased_entry_that_names_it(line, replacement, coordinate):
    served = build_schema(changed(line, replacement), assume_valid_sdl=True)

    (missing,) = unannounced(PRINTED, served, CHANGELOG)

    assert coordinate in missing
    assert unannounced(PRINTED, served, entry("Some.other")) == [missing]
    assert unannounced(PRINTED, served, entry(coordinate).replace("Breaking", "Fixed")) == [missing]
    assert unannounced(PRINTED, served, entry(coordinate).replace("Unreleased", "1.0")) == [missing]
    assert unannounced(PRINTED, served, entry(coordinate)) == []


@pytest.mark.parametrize(("line", "replacement"), SAFE.values(), ids=SAFE)
def test_other_changes_need_no_entry(line, replacement):
    assert (
        unannounced(PRINTED, build_schema(changed(line, replacement), assume_valid_sdl=True), "")
        == []
    )


def inspected(folder: Path, old: str, *new: str) -> list[list[set[str]]]:
    """For each new schema, its breaking changes: graphql-inspector's path, and the first two parts of it."""
    files = []
    for number, text in enumerate((old, *new)):
        files.append(folder / f"{number}.graphql")
        files[-1].write_text(text)
    printed = node.run_script("@graphql-inspector/core", "schema_diff.mjs", *map(str, files))
    return [
        [{path, ".".join(path.split(".")[:2])} for path in paths] for paths in json.loads(printed)
    ]


@pytest.mark.thorough
def test_graphql_inspector_finds_no_other_breaking_change_since_the_last_release(tmp_path: Path):
    (found,) = inspected(tmp_path, RELEASED.read_text(), sdl())

    assert [each for each in found if not announces(CHANGELOG, each)] == []


@pytest.mark.thorough
def test_graphql_inspector_agrees_on_what_breaks(tmp_path: Path):
    breaking = [changed(line, replacement) for line, replacement, _ in BREAKS.values()]
    safe = [changed(line, replacement) for line, replacement in SAFE.values()]

    found = inspected(tmp_path, sdl(), *breaking, *safe)

    assert [len(each) for each in found] == [1] * len(breaking) + [0] * len(safe)
    for (path,), (_, _, coordinate) in zip(found, BREAKS.values(), strict=False):
        assert coordinate in path or path == {"ConnectionSource"}
