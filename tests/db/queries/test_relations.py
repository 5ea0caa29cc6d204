"""Relations lead both ways, and what another program stored badly harms its own place alone."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, Table
from tests.support.expectations.oracle import Oracle
from tests.support.registries import random_registries
from tests.support.registries.databases import elsewhere
from tests.support.services.api import Api, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
EVERYTHING = """
    {
      actors(first: 100, filter: { status: {} }) { nodes {
        chittyId
        contexts(first: 100, filter: { status: {} }) { nodes { chittyId owner { chittyId } } }
        connections(first: 100, filter: { status: {} }) {
          nodes { connectionId source { ... on Actor { chittyId } } }
        }
        suspendedInstallations(first: 100, filter: { uninstalledAt: {} }) {
          nodes { installationId suspendedBy { chittyId } }
        }
      } }
      contexts(first: 100, filter: { status: {} }) { nodes {
        chittyId
        owner { chittyId }
        connections(first: 100, filter: { status: {} }) {
          nodes { connectionId source { ... on Context { chittyId } } }
        }
        installations(first: 100, filter: { uninstalledAt: {} }) { nodes { installationId } }
      } }
      installations(first: 100, filter: { uninstalledAt: {} }) { nodes {
        installationId
        suspendedBy { chittyId }
        connections(first: 100, filter: { status: {} }) {
          nodes { connectionId installation { installationId } }
        }
        contexts(first: 100, filter: { status: {} }) { nodes { chittyId } }
      } }
      connections(first: 100, filter: { status: {} }) { nodes {
        connectionId
        sourceType
        source { __typename ... on Actor { chittyId } ... on Context { chittyId } }
        installation { installationId }
      } }
    }
"""
COST = 150_000  # of EVERYTHING
RELATIONS: list[tuple[Table[Any], str, bool]] = [
    (ACTORS, "contexts", True),
    (ACTORS, "connections", True),
    (ACTORS, "suspendedInstallations", True),
    (CONTEXTS, "owner", False),
    (CONTEXTS, "connections", True),
    (CONTEXTS, "installations", True),
    (INSTALLATIONS, "connections", True),
    (INSTALLATIONS, "contexts", True),
    (CONNECTIONS, "installation", False),
]
KEYS = {"actors": "chittyId", "contexts": "chittyId", "installations": "installationId"}
KEYS["connections"] = "connectionId"


async def test_every_relation_leads_to_all_that_is_linked_each_once(tmp_path):
    registry = random_registries.made(23)
    oracle = Oracle(registry)

    async with running(tmp_path / "registry.db", max_cost=COST) as api:
        await random_registries.store(api, registry)
        answer = await api.ask(EVERYTHING)

    for table, name, many in RELATIONS:
        shown = {node[KEYS[table.name]]: node[name] for node in answer[table.name]["nodes"]}
        for row in registry.of(table):
            child, rows = oracle.related(table, name, row)
            key, found = KEYS[child.name], shown[str(getattr(row, table.key))]
            linked = found["nodes"] if many else [] if found is None else [found]
            assert sorted(each[key] for each in linked) == sorted(
                str(getattr(each, child.key)) for each in rows
            ), (table.name, name)


async def test_every_relation_leads_back_to_where_it_came_from(tmp_path):
    async with running(tmp_path / "registry.db", max_cost=COST) as api:
        await random_registries.store(api, random_registries.made(29))
        answer = await api.ask(EVERYTHING)

    for actor in answer["actors"]["nodes"]:
        here = {"chittyId": actor["chittyId"]}
        assert all(each["owner"] == here for each in actor["contexts"]["nodes"])
        assert all(each["source"] == here for each in actor["connections"]["nodes"])
        assert all(each["suspendedBy"] == here for each in actor["suspendedInstallations"]["nodes"])
    for context in answer["contexts"]["nodes"]:
        here = {"chittyId": context["chittyId"]}
        assert all(each["source"] == here for each in context["connections"]["nodes"])
    for connection in answer["connections"]["nodes"]:
        assert connection["source"]["__typename"].upper() == connection["sourceType"]


AT = "2026-01-01T00:00:00.000Z"
STORED = f"""
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at) VALUES
        ('CHITTY-ADA', 'human', '{AT}', '{AT}'), ('CHITTY-BOB', 'ai', '{AT}', '{AT}');
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, data, created_at, updated_at) VALUES
        ('CHITTY-C1', 'one', 'CHITTY-ADA', '["a"]', '{AT}', '{AT}'),
        ('CHITTY-C2', 'two', 'CHITTY-BOB', '["b"]', '{AT}', '{AT}');
    INSERT INTO installations (installation_id, chitty_id, account_id, account_login, account_type,
        repository_selection, permissions, installed_at, updated_at) VALUES
        (1, 'CHITTY-I1', 1, 'one', 'User', 'all', '{{"contents": "read"}}', '{AT}', '{AT}'),
        (2, 'CHITTY-I2', 2, 'two', 'User', 'all', '{{}}', '{AT}', '{AT}');
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,
        installation_id, status, created_at, updated_at) VALUES
        ('x1', 'CHITTY-C1', 'context', 's1', 1, 'active', '{AT}', '{AT}'),
        ('x2', 'CHITTY-C1', 'context', 's2', 1, 'active', '{AT}', '{AT}'),
        ('x3', 'CHITTY-C1', 'context', 's3', 2, 'disconnected', '{AT}', '{AT}'),
        ('x4', 'CHITTY-ADA', 'actor', 's4', 2, 'active', '{AT}', '{AT}');
"""


UNCHECKED = pytest.mark.files_only(
    "an engine over HTTP checks the constraints of every writer, so nobody stores such a value through it"
)


def another_program(path: Path, sql: str) -> None:
    """Write as a program does that knows no rules and, where the engine lets it, checks nothing."""
    with elsewhere(path) as connection:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in filter(str.strip, sql.split(";\n")):
            connection.execute(statement)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("relations") / "registry.db"


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[False, True], ids=["generic", "compiled"]
)
async def service(path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    async with running(path, compiled=request.param) as api:
        yield api


@pytest.fixture
def api(service: Api, path: Path) -> Api:
    """The service, over the rows above and no other."""
    referring_first = ("connections", "contexts", "installations", "actors")
    another_program(path, "".join(f"DELETE FROM {name};\n" for name in referring_first) + STORED)
    return service


async def test_an_installation_that_is_reached_twice_is_listed_once_and_disconnected_links_do_not_count(
    api,
):
    answer = await api.ask("""{
        context(chittyId: "CHITTY-C1") { installations { totalCount nodes { installationId } } }
        i1: installation(installationId: "1") { contexts { totalCount nodes { name } } }
        i2: installation(installationId: "2") {
          contexts { totalCount } connections { nodes { connectionId } }
        }
        used: contexts(filter: { installations: { some: { installationId: { eq: "1" } } } }) { totalCount }
        unused: contexts(filter: { installations: { some: { installationId: { eq: "2" } } } }) { totalCount }
    }""")

    assert answer["context"]["installations"] == {
        "totalCount": 1,
        "nodes": [{"installationId": "1"}],
    }
    assert answer["i1"]["contexts"] == {"totalCount": 1, "nodes": [{"name": "one"}]}
    assert answer["i2"]["contexts"]["totalCount"] == 0
    assert answer["i2"]["connections"]["nodes"] == [{"connectionId": "x4"}]
    assert (answer["used"]["totalCount"], answer["unused"]["totalCount"]) == (1, 0)


async def test_a_source_is_a_context_or_an_actor_as_the_row_says(api):
    answer = await api.ask("""{ connections { nodes { connectionId source {
        __typename ... on Context { name } ... on Actor { actorType }
    } } } }""")

    sources = {each["connectionId"]: each["source"] for each in answer["connections"]["nodes"]}
    assert sources["x1"] == {"__typename": "Context", "name": "one"}
    assert sources["x4"] == {"__typename": "Actor", "actorType": "HUMAN"}


UNREADABLE = [
    ("UPDATE contexts SET owner_chitty_id = 'CHITTY-GONE'", "context", "owner { chittyId }"),
    ("UPDATE contexts SET owner_chitty_id = X'fe00'", "context", "owner { chittyId }"),
    ("UPDATE contexts SET status = 'lost'", "context", "status"),
    ("UPDATE contexts SET data = 'no json'", "context", "data"),
    ("UPDATE contexts SET data = '{}'", "context", "data"),
    ("UPDATE contexts SET data = '[1]'", "context", "data"),
    ("UPDATE contexts SET data = '[null]'", "context", "data"),
    ("UPDATE contexts SET created_at = 'yesterday'", "context", "createdAt"),
    ("UPDATE contexts SET created_at = ''", "context", "createdAt"),
    ("UPDATE contexts SET created_at = X'fe00'", "context", "createdAt"),
    ("UPDATE actors SET actor_type = 'ghost'", "actor", "actorType"),
    ("UPDATE actors SET session_count = 'many'", "actor", "sessionCount"),
    ("UPDATE actors SET session_count = 1.5", "actor", "sessionCount"),
    ("UPDATE actors SET display_name = X'fe00'", "actor", "displayName"),
    ("UPDATE actors SET last_seen_at = 'now'", "actor", "lastSeenAt"),
    (
        "UPDATE connections SET source_chitty_id = 'CHITTY-GONE'",
        "connection",
        "source { __typename }",
    ),
    ("UPDATE connections SET source_type = 'actor'", "connection", "source { __typename }"),
    ("UPDATE connections SET source_type = 'team'", "connection", "source { __typename }"),
    ("UPDATE connections SET source_type = 'team'", "connection", "sourceType"),
    ("UPDATE connections SET source_chitty_id = X'fe00'", "connection", "source { __typename }"),
    ("UPDATE connections SET installation_id = X'fe00'", "connection", "installation { id }"),
    ("UPDATE connections SET error_count = 'some'", "connection", "errorCount"),
    ("UPDATE connections SET config = 'no json'", "connection", "config"),
    ("UPDATE connections SET config = '[]'", "connection", "config"),
    ("UPDATE connections SET config = '{\"n\": 1e999}'", "connection", "config"),
    ("UPDATE installations SET account_type = 'bot'", "installation", "accountType"),
    ("UPDATE installations SET permissions = '[]'", "installation", "permissions { name }"),
    (
        "UPDATE installations SET permissions = '{\"a\": 1}'",
        "installation",
        "permissions { access }",
    ),
    (
        "UPDATE installations SET permissions = '{\"a\": null}'",
        "installation",
        "permissions { access }",
    ),
    (
        "UPDATE installations SET permissions = '{\"a\": {}}'",
        "installation",
        "permissions { access }",
    ),
    (
        "UPDATE installations SET suspended_by_chitty_id = X'fe00'",
        "installation",
        "suspendedBy { id }",
    ),
]
LOOKUP = {
    "actor": ('chittyId: "CHITTY-ADA"', "CHITTY-BOB", "chitty_id = 'CHITTY-ADA'"),
    "context": ('chittyId: "CHITTY-C1"', "CHITTY-C2", "chitty_id = 'CHITTY-C1'"),
    "connection": ('connectionId: "x1"', "x2", "connection_id = 'x1'"),
    "installation": ('installationId: "1"', "2", "installation_id = 1"),
}


@UNCHECKED
@pytest.mark.parametrize(("sql", "name", "selection"), UNREADABLE)
async def test_an_unreadable_value_is_an_error_at_its_own_path_only(
    api, path: Path, sql: str, name: str, selection: str
):
    arguments, other, this_one = LOOKUP[name]
    argument = arguments.partition(":")[0]
    another_program(path, f"{sql} WHERE {this_one}")

    answer = await api.post(
        f"{{ bad: {name}({arguments}) {{ id {selection} }}"
        f' good: {name}({argument}: "{other}") {{ id {selection} }}'
        f" same: {name}({arguments}) {{ __typename }} }}"
    )

    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "UNREADABLE"
    assert error["path"] == ["bad", selection.split()[0]]
    assert answer["data"]["good"] is not None
    assert answer["data"]["same"] == {"__typename": name.title()}


LENIENT = [
    ("created_at = '2025-10-21 18:52:06'", "createdAt", "2025-10-21T18:52:06.000Z"),
    ("created_at = '2025-10-21T18:52:06+02:00'", "createdAt", "2025-10-21T16:52:06.000Z"),
    ("created_at = '2025-10-21'", "createdAt", "2025-10-21T00:00:00.000Z"),
    pytest.param("data = ''", "data", [], marks=UNCHECKED),
    ("data = ' [\"x\" ] '", "data", ["x"]),
    ("deleted_at = NULL", "deletedAt", None),
]


@pytest.mark.parametrize(("change", "name", "value"), LENIENT)
async def test_an_old_form_is_served_as_what_it_means(
    api, path: Path, change: str, name: str, value: Any
):
    another_program(path, f"UPDATE contexts SET {change} WHERE chitty_id = 'CHITTY-C1'")

    answer = await api.ask(f'{{ context(chittyId: "CHITTY-C1") {{ {name} }} }}')

    assert answer["context"] == {name: value}


@UNCHECKED
async def test_a_nullable_reference_to_a_missing_row_is_null(api, path):
    another_program(path, "UPDATE connections SET installation_id = 77")
    another_program(
        path, "UPDATE connections SET installation_id = 'one' WHERE source_type = 'actor'"
    )
    another_program(path, "UPDATE installations SET suspended_by_chitty_id = 'CHITTY-GONE'")

    answer = await api.ask(
        "{ connections { nodes { installation { id } } } installations { nodes { suspendedBy { id } } } }"
    )

    assert answer["connections"]["nodes"] == [{"installation": None}] * 3
    assert answer["installations"]["nodes"] == [{"suspendedBy": None}] * 2


@UNCHECKED
async def test_one_bad_row_of_a_list_is_named_and_other_lists_are_whole(api, path):
    another_program(
        path, "UPDATE contexts SET owner_chitty_id = X'fe00' WHERE chitty_id = 'CHITTY-C1'"
    )

    answer = await api.post("""{
        contexts(orderBy: [{ field: NAME }]) { nodes { name owner { chittyId } } }
        actors { nodes { chittyId } }
        names: contexts(orderBy: [{ field: NAME }]) { nodes { name } pageInfo { endCursor } }
    }""")

    (error,) = answer["errors"]
    assert error["path"] == ["contexts", "nodes", 0, "owner"]
    assert answer["data"]["contexts"] is None
    assert len(answer["data"]["actors"]["nodes"]) == 2
    assert answer["data"]["names"]["nodes"] == [{"name": "one"}, {"name": "two"}]


@UNCHECKED
async def test_a_cursor_in_an_order_that_cannot_be_read_is_an_error_at_its_own_path(api, path):
    another_program(path, "UPDATE actors SET display_name = X'fe00' WHERE chitty_id = 'CHITTY-BOB'")

    answer = await api.post("""{
        actors(orderBy: [{ field: DISPLAY_NAME }]) { nodes { chittyId } pageInfo { hasNextPage endCursor } }
    }""")

    (error,) = answer["errors"]
    assert error["path"] == ["actors", "pageInfo", "endCursor"]
    assert error["extensions"]["code"] == "UNREADABLE"
    assert len(answer["data"]["actors"]["nodes"]) == 2


@UNCHECKED
async def test_filters_treat_a_value_that_is_not_a_list_as_an_empty_list(api, path):
    another_program(path, "UPDATE contexts SET data = 'no json' WHERE chitty_id = 'CHITTY-C1'")
    another_program(path, "UPDATE contexts SET data = '[null]' WHERE chitty_id = 'CHITTY-C2'")

    answer = await api.ask("""{
        empty: contexts(filter: { data: { isEmpty: true } }) { nodes { name } }
        all: contexts(filter: { data: { containsAll: ["b"] } }) { nodes { name } }
        any: contexts(filter: { data: { containsAny: ["b"] } }) { nodes { name } }
        not: contexts(filter: { not: { data: { contains: "b" } } }) { totalCount }
    }""")

    assert answer["empty"]["nodes"] == [{"name": "one"}]
    assert answer["all"]["nodes"] == answer["any"]["nodes"] == []
    assert answer["not"]["totalCount"] == 2
