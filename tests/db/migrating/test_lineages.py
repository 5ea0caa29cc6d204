"""Registries of ChittyConnect's other lineages, whose tables are called like ours, are adopted whole."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from db.migrating import migrator
from db.model import chitty_id, column_types, instants
from db.model.tables import CONTEXTS, INSTALLATIONS, TABLES, Column, Table
from server.cli import main
from tests.support.expectations.oracle import Oracle, ordered
from tests.support.expectations.random_filters import Filters
from tests.support.other_programs import github_payloads
from tests.support.registries import relatives
from tests.support.registries.legacy_registries import rows
from tests.support.registries.random_registries import Registry
from tests.support.registries.relatives import (
    ADOPTED,
    ADOPTED_ROWS,
    EARLIER,
    EVERYTHING,
    LINKS,
    MAIN,
    MINTED,
    SYSTEM,
    made,
    system_actor,
)
from tests.support.services.api import Api, running

KINDS = sorted(EVERYTHING)


def by_default(*quick: str) -> list[Any]:
    """All kinds, of which the default run has a few."""
    return [
        pytest.param(kind, marks=[pytest.mark.thorough] * (kind not in quick)) for kind in KINDS
    ]


# In a line about a value that has none but the time at which it was adopted.
ADOPTION_TIME = re.compile(r"_at .* -> '20")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def known(file: Path, table: Table[Any], row: tuple[Any, ...], began: str) -> dict[str, Any]:
    """A stored row with what differs each time under the name that the expectations have for it.

    `began` is an instant: a time that is not before it is the time of the adoption."""
    values = dict(zip(table.columns, row, strict=True))
    for name, value in values.items():
        if value and name == "owner_chitty_id" and value == system_actor(file):
            values[name] = SYSTEM
        elif name == "chitty_id" and str(value).startswith("CHITTY-INSTALLATION-"):
            assert chitty_id.is_well_formed(value)
            values[name] = MINTED
        elif name.endswith("_at") and value and value >= began:
            values[name] = ADOPTED
    return values


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_is_adopted_as_documented_and_no_cell_is_dropped(file: Path, kind: str):
    made(file, EVERYTHING[kind])
    before = relatives.tables(file)
    began = instants.now()

    done = migrator.bring_up_to_date(file)

    for table in (CONTEXTS, INSTALLATIONS):
        stored = rows(file, f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY rowid")
        assert [known(file, table, row, began) for row in stored] == ADOPTED_ROWS[kind][table.name]
    links = rows(
        file,
        "SELECT source_chitty_id, installation_id, target_endpoint, created_at FROM connections"
        " WHERE source_type = 'context' AND target_service = 'github' AND status = 'active'"
        " ORDER BY installation_id",
    )
    assert [link[:3] for link in links] == [link[:3] for link in LINKS[kind]]
    assert rows(file, "SELECT count(*) FROM connections") == [(len(links),)]
    after = relatives.tables(file)
    assert {name: after[name] for name in before} == before
    assert rows(file, "PRAGMA foreign_key_check") in (
        [],
        [("installations_before_adoption", 42, "contexts_before_adoption", 0)],  # as it came
    )
    assert done.copy is not None
    assert migrator.check(file).repairs == []
    assert migrator.migrate(file) == []


@pytest.mark.parametrize("kind", by_default("main", "earlier"))
async def test_every_cell_is_served(file: Path, kind: str):
    made(file, EVERYTHING[kind])

    async with running(file) as api:
        for table in TABLES:
            await check_cells(api, file, table)
        linked = await api.ask(
            "{ contexts { nodes { chittyId installations { nodes { installationId contexts {"
            " nodes { chittyId } } } } } } }"
        )

    links = {
        (node["chittyId"], int(each["installationId"]))
        for node in linked["contexts"]["nodes"]
        for each in node["installations"]["nodes"]
    }
    assert links == {link[:2] for link in LINKS[kind]}


async def check_cells(api: Api, file: Path, table: Table[Any]) -> None:
    """Every column that the API shows is what the table holds."""
    answer = await api.ask(f'{{ __type(name: "{table.row.__name__}") {{ fields {{ name }} }} }}')
    names = {each["name"] for each in answer["__type"]["fields"]}
    columns = {
        camel(name): column for name, column in table.columns.items() if camel(name) in names
    }
    fields = " ".join(
        f"{name} {{ name access }}" if name == "permissions" else name for name in columns
    )
    nodes = (await api.ask(f"{{ {table.name} {{ nodes {{ {fields} }} }} }}"))[table.name]["nodes"]
    listed = ", ".join(column.name for column in columns.values())
    expected = [
        {
            name: shown(column, stored)
            for (name, column), stored in zip(columns.items(), row, strict=True)
        }
        for row in rows(file, f"SELECT {listed} FROM {table.name}")
    ]
    key = camel(table.key)
    assert {node[key]: node for node in nodes} == {row[key]: row for row in expected}


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def shown(column: Column, stored: Any) -> Any:
    """What the API shows for a stored value."""
    if stored is None:
        return None
    if column.type.names:
        return column.type.names[stored]
    if column.name == "permissions":
        granted = json.loads(stored)
        return [{"name": name, "access": granted[name]} for name in sorted(granted)]
    return str(stored) if column.type is column_types.BIG_INT else column.type.read(stored)


CHANGES = (
    'reportConnectionHealth(input: {connectionId: $id, healthy: false, error: "down"})',
    "recordConnectionUse(inputs: [{connectionId: $id}])",
    'updateConnection(input: {connectionId: $id, targetEndpoint: "/elsewhere"})',
    "disconnect(input: {connectionId: $id})",
    "reconnect(input: {connectionId: $id})",
)


@pytest.mark.parametrize("kind", by_default("main"))
async def test_every_connection_can_be_changed(file: Path, kind: str):
    made(file, EVERYTHING[kind])

    async with running(file) as api:
        found = await api.ask("{ connections { nodes { connectionId targetEndpoint } } }")
        # One after the other, as two of a context may not lead to the same endpoint.
        for node in found["connections"]["nodes"]:
            for change in CHANGES:
                change = change.replace("/elsewhere", f"/{node['connectionId']}")
                answer = await api.ask(
                    f"mutation ($id: ID!) {{ done: {change} {{ errors {{ code message }} }} }}",
                    id=node["connectionId"],
                )
                assert answer["done"]["errors"] == [], change

    assert len(found["connections"]["nodes"]) == len(LINKS[kind])


async def test_every_context_and_installation_can_be_changed_whatever_its_id(file: Path):
    made(file, MAIN)

    async with running(file) as api:
        for context in ADOPTED_ROWS["main"]["contexts"]:
            answer = await api.ask(
                "mutation ($id: ChittyID!) {"
                ' update: updateContext(input: {chittyId: $id, tools: ["hammer"]}) {'
                " context { tools } errors { message } }"
                ' open: openConnection(input: {source: $id, targetService: "notion"}) {'
                " connection { status } errors { message } } }",
                id=context["chitty_id"],
            )
            assert answer["update"] == {"context": {"tools": ["hammer"]}, "errors": []}
            assert answer["open"] == {"connection": {"status": "ACTIVE"}, "errors": []}
        for installation in ADOPTED_ROWS["main"]["installations"]:
            answer = await api.ask(
                "mutation ($id: BigInt!) { suspendInstallation(input: {installationId: $id}) {"
                " installation { suspendedAt } errors { message } } }",
                id=str(installation["installation_id"]),
            )
            assert answer["suspendInstallation"]["errors"] == []


@pytest.mark.parametrize("kind", by_default("main"))
def test_its_export_is_imported_into_an_empty_registry(file: Path, kind: str):
    made(file, EVERYTHING[kind])
    migrator.migrate(file)
    exported, again = file.with_name("rows.jsonl"), file.with_name("again.jsonl")
    other = str(file.with_name("other.db"))

    codes = [
        main(["export", "--jsonl", "--output", str(exported), "--database", str(file)]),
        main(["import", str(exported), "--database", other]),
        main(["export", "--jsonl", "--output", str(again), "--database", other]),
    ]

    assert codes == [0, 0, 0]
    assert again.read_bytes() == exported.read_bytes()
    assert exported.read_text().count("\n") >= 3


async def test_what_only_github_knows_comes_with_its_next_event(tmp_path: Path):
    made(tmp_path / "registry.db", MAIN)
    told = {
        "id": 41,
        "account": {"id": 70, "login": "octo-new", "type": "Organization"},
        "repository_selection": "selected",
        "permissions": {"contents": "write"},
        "events": ["push"],
        "created_at": "2025-10-21T18:52:06Z",
        "updated_at": "2025-11-21T18:52:06Z",
    }

    async with github_payloads.github_at(tmp_path) as sender:
        answer = await sender.send(
            "installation",
            {"action": "new_permissions_accepted", "installation": told, "repositories": []},
        )
        after = await sender.table(
            "installations", "installation_id, account_id, account_login, account_type, permissions"
        )

    assert answer.json() == {"outcome": "applied"}
    assert after[0] == (41, 70, "octo-new", "Organization", '{"contents":"write"}')
    assert [row[1] for row in after[1:]] == [0, 0, 0]


@pytest.mark.parametrize("kind", by_default("main"))
async def test_filters_over_it_find_what_python_finds(file: Path, kind: str):
    made(file, EVERYTHING[kind])

    async with running(file) as api:
        registry = Registry(
            {
                table.name: [
                    table.of(row)
                    for row in rows(file, f"SELECT {', '.join(table.columns)} FROM {table.name}")
                ]
                for table in TABLES
            }
        )
        filters = Filters(registry, seed=3)
        for number in range(60):
            table = TABLES[number % len(TABLES)]
            given = filters.over(table)
            row, key = table.row.__name__, camel(table.key)
            answer = await api.ask(
                f"query ($filter: {row}Filter) {{"
                f" {table.name}(filter: $filter) {{ nodes {{ {key} }} }} }}",
                filter=given,
            )
            expected = ordered(table, Oracle(registry).listed(table, given), [])
            found = [node[key] for node in answer[table.name]["nodes"]]
            assert found == [str(getattr(each, table.key)) for each in expected], given


@pytest.mark.parametrize("kind", by_default("main with its catalogue", "earlier"))
def test_what_adoption_does_is_foretold_in_full_and_changes_nothing(
    file: Path, kind: str, capsys: pytest.CaptureFixture[str]
):
    made(file, EVERYTHING[kind])
    before = contents(file.parent)

    foretold = main(["migrate", "--check", "--database", str(file)])
    told = capsys.readouterr().out.splitlines()
    looked = contents(file.parent)
    done = main(["migrate", "--database", str(file)])
    reported = capsys.readouterr().out.splitlines()

    words = ("found ", "repaired ", "pending ", "applied ")
    for word in words:
        told = [line.removeprefix(word) for line in told]
        reported = [line.removeprefix(word) for line in reported]
    assert (foretold, done, looked) == (1, 0, before)
    assert reported[0].startswith("copied to ")
    assert [line for line in told if ADOPTION_TIME.search(line) is None] == [
        line for line in reported[1:] if ADOPTION_TIME.search(line) is None
    ]
    assert any("_before_adoption" in line for line in told)


def test_the_report_names_each_column_without_a_place_and_each_value_that_stands_in(file: Path):
    made(file, MAIN)

    done = [str(each) for each in migrator.check(file).repairs]

    assert [line for line in done if "instant" not in line and "NULL" not in line] == [
        "1 x actors.chitty_id: a SYSTEM actor, made to own contexts whose owner is not known",
        "1 x actors.chitty_id: an owner or source without an actor, which was made",
        "3 x connections: made of an installation's link to a context, as connection to github",
        "3 x contexts: a row copied from contexts_before_adoption",
        "1 x contexts: a table of ChittyConnect's main line, kept whole as contexts_before_adoption",
        "2 x contexts.owner_chitty_id: no owner that is a ChittyID: owned by the SYSTEM actor that was"
        " made for such contexts",
        *(
            f"{count} x contexts_before_adoption.{column}: a value that has no place in contexts, kept"
            " there"
            for count, column in (
                (1, "api_key_id"),
                (1, "certification_id"),
                (3, "metadata"),
                (1, "verification_id"),
            )
        ),
        "4 x installations: a row copied from installations_before_adoption",
        "1 x installations: a table of ChittyConnect's main line, kept whole as"
        " installations_before_adoption",
        "4 x installations.account_id: not known until GitHub sends an event of the installation: 0",
        "1 x installations.account_login: not known until GitHub sends an event of the installation:"
        " 'unknown'",
        "4 x installations.account_type: not known until GitHub sends an event of the installation:"
        " 'User'",
        "4 x installations.chitty_id: minted here, as it had no ChittyID of its own",
        "1 x installations.permissions: JSON that is broken or of another shape",
        "4 x installations.repository_selection: not known until GitHub sends an event of the"
        " installation: 'all'",
    ]


def test_check_fix_adopts_once_and_says_so(file: Path, capsys: pytest.CaptureFixture[str]):
    made(file, EARLIER)

    code = main(["check", "--fix", "--database", str(file)])

    out = capsys.readouterr().out
    assert code == 0
    assert out.count("copied to ") == 1
    assert len([*file.parent.glob("registry.db.before-*")]) == 1


def test_an_owner_that_is_no_chittyid_is_kept_in_words(file: Path):
    made(file, EARLIER)

    migrator.migrate(file)

    kept = (
        "SELECT row_key, value_before, value_after FROM replaced_values WHERE column_name = :name"
    )
    found = rows(file, kept.replace(":name", "'owner_chitty_id'"))
    assert found == [("ctx_2", "someone@example.org", system_actor(file))]
