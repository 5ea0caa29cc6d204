"""Rows that belong to others cost a viewer no work, neither to hide, to find nor to page past them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.commands import actors, connections, contexts, preconditions
from db.errors import Refused
from db.model.graph import GRAPH_TABLES, Place
from db.model.services import SERVICES
from db.model.tables import ACTORS, CHANGES, CONNECTIONS, CONTEXTS, INSTALLATIONS
from db.program import Program, Rows, Statement, json_list, run
from db.queries import json_listings, lookups, neighborhoods, paths
from db.security.row_security import Extent, RowSecurity
from resolvers.permissions import Viewer
from resolvers.recording_context import RecordingContext
from schema.fields import global_ids
from tests.support.expectations.statement_counts import RecordedRegistry, watched
from tests.support.registries.databases import made_once, new_registry

ME, THEM = "CHITTY-ACTOR-000001-AAAA", "CHITTY-ACTOR-000002-AAAA"
VIEWER = Viewer(ME, ())
OURS, THEIRS = 1, 2  # installations: one that both use, one that they use alone
AT = "2026-01-01T00:00:00.000Z"
FEW, MANY = 20, 2_000
MOST = 1.5  # times the work, and a little: B-trees grow deeper

STORED = f"""
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
        VALUES ('{ME}', 'human', '{AT}', '{AT}'), ('{THEM}', 'human', '{AT}', '{AT}');
    INSERT INTO installations (installation_id, chitty_id, account_id, account_login, account_type,
        repository_selection, suspended_by_chitty_id, installed_at, updated_at)
        VALUES ({OURS}, 'CHITTY-INSTALL-000001-AAAA', 1, 'a', 'User', 'all', '{THEM}', '{AT}', '{AT}'),
            ({THEIRS}, 'CHITTY-INSTALL-000002-AAAA', 2, 'b', 'User', 'all', '{THEM}', '{AT}', '{AT}');
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5)
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
        SELECT 'CHITTY-MINE-' || char(64 + n), 'mine ' || n, '{ME}', '{AT}', '{AT}' FROM n;
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,
        installation_id, created_at, updated_at)
        SELECT chitty_id, chitty_id, 'context', 'github', {OURS}, '{AT}', '{AT}' FROM contexts;
"""
OTHERS = f"""
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :count)
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
        SELECT 'CHITTY-THEIRS-' || n, 'theirs ' || n, '{THEM}', '{AT}', '{AT}' FROM n
"""
OTHERS_CONNECTIONS = f"""
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,
        installation_id, created_at, updated_at)
        SELECT chitty_id || ' ' || value, chitty_id, 'context', 'github ' || value, value, '{AT}', '{AT}'
        FROM contexts, json_each('[{OURS}, {THEIRS}]') WHERE owner_chitty_id = '{THEM}'
"""
OTHERS_INSTALLATIONS = f"""
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :count)
    INSERT INTO installations (installation_id, chitty_id, account_id, account_login, account_type,
        repository_selection, suspended_by_chitty_id, installed_at, updated_at)
        SELECT 100 + n, 'CHITTY-THEIRS-INSTALL-' || n, n, 'c', 'User', 'all', '{THEM}', '{AT}', '{AT}'
        FROM n
"""


def registry(folder: Path, others: int) -> Path:
    """A registry in which they own so much beside what is mine."""
    return _fill(folder / f"{others}.db", others)


@made_once
def _fill(path: Path, others: int) -> None:
    new_registry(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(STORED)
        for sql in (OTHERS, OTHERS_CONNECTIONS, OTHERS_INSTALLATIONS):
            connection.execute(sql, {"count": others} if ":count" in sql else {})
        connection.commit()


def work(path: Path, statements: list[Statement]) -> int:
    """How many instructions SQLite takes for these statements, as the viewer may run them."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    with closing(sqlite3.connect(path)) as connection:
        connection.set_progress_handler(count, 1)
        for statement in statements:
            connection.execute(*VIEWER.security.of(statement)).fetchall()
    return steps


async def asked(watched: RecordedRegistry, query: str) -> list[Statement]:
    """The statements of an operation that the viewer sends."""
    async with RecordingContext(db=watched.db, cursor_key=b"key", viewer=VIEWER) as ctx:
        answered = await watched.answered(ctx, query)
    assert answered.errors in (None, [])
    return [each.statement for each in ctx.recorded]


CHANGE = "id at before after actor { id } entity { id }"
THEIR_ID = global_ids.of_key("Context", "CHITTY-THEIRS-7")
OTHER = global_ids.of_key("Actor", THEM)
OUR_APP = global_ids.of_key("Installation", OURS)
SERVICE, THEIR_SERVICE = (
    global_ids.of_key("Service", name) for name in ("github", f"github {THEIRS}")
)
PAGE = "totalCount pageInfo { hasNextPage hasPreviousPage }"
OPERATIONS = {
    "an installation of theirs": f'{{ installation(installationId: "{THEIRS}") {{ accountLogin }} }}',
    "an actor that is seen": f'{{ actor(chittyId: "{THEM}") {{ displayName }} }}',
    "all installations": f"{{ installations {{ nodes {{ id }} {PAGE} }} }}",
    "all actors": f"{{ actors {{ nodes {{ id }} {PAGE} }} }}",
    "groups of all connections": "{ connections { groups(by: [STATUS, TARGET_SERVICE]) {"
    " status count requests lastUsedAt } } }",
    "groups by objects that are seen": "{ connections { groups(by: INSTALLATION) {"
    " installation { accountLogin } count } } contexts { groups(by: OWNER) { owner { id } count } } }",
    "groups of all installations": "{ installations { groups(by: SUSPENDED) { count } } }",
    "groups of the contexts of another actor": f'{{ actor(chittyId: "{THEM}")'
    " { contexts { groups(by: CREATED_DAY) { count } } } }",
    "groups of the connections of a shared installation": f'{{ installation(installationId: "{OURS}")'
    " { connections { groups(by: [SOURCE_TYPE, TARGET_SERVICE]) { count errors } } } }",
    "around a shared installation": f'{{ neighborhood(of: "{OUR_APP}", depth: 4) {{ nodes {{ id }}'
    " edges { relation } truncated } }",
    "around another actor": f'{{ neighborhood(of: "{OTHER}", depth: 2) {{ nodes {{ id }} truncated }} }}',
    "around a service that all use": f'{{ neighborhood(of: "{SERVICE}", depth: 2) {{ nodes {{ id }} }} }}',
    "a path that goes through others only": f'{{ shortestPath(from: "{OUR_APP}", to: "{THEIR_SERVICE}",'
    " maxDepth: 20) { relation } }",
    "a path to a context of theirs": f'{{ shortestPath(from: "{OTHER}", to: "{THEIR_ID}")'
    " { relation } }",
    "a path through a shared service": f'{{ shortestPath(from: "{OTHER}", to: "{SERVICE}")'
    " { relation } }",
    "services": f"{{ services {{ nodes {{ name stats {{ total requests }} }} {PAGE} }} }}",
    "a service that all use": f'{{ node(id: "{SERVICE}") {{ ... on Service {{ connections {{'
    f" nodes {{ id }} {PAGE} }} contexts {{ nodes {{ id }} {PAGE} }} }} }} }}",
    "statistics": "{ registryStats { actors contexts installations connections { total errors } } }",
    "services by name": f'{{ services(filter: {{ startsWith: "GIT", ignoreCase: true }}) {{ nodes {{ name }}'
    f' {PAGE} }} none: services(filter: {{ eq: "github {THEIRS}" }}) {{ totalCount }} }}',
    "what is found by a text": '{ search(text: "theirs") { totalCount } services: search(text: "github")'
    " { totalCount edges { node { id } } } }",
    "contexts by a name of any case": '{ contexts(filter: { name: { startsWith: "THEIRS",'
    f" ignoreCase: true }} }}) {{ nodes {{ id }} {PAGE} }} }}",
    "installations by a login of any case": '{ installations(filter: { accountLogin: { eq: "C",'
    f" ignoreCase: true }} }}) {{ nodes {{ id }} {PAGE} }} }}",
    "connections by services of any case": '{ connections(filter: { targetService: { in: ["GITHUB 1",'
    f' "GITHUB 2"], ignoreCase: true }} }}) {{ nodes {{ id }} {PAGE} }} }}',
    "connections by how a service ends": '{ connections(filter: { targetService: { endsWith: "2" } })'
    f" {{ nodes {{ id }} {PAGE} }} }}",
    "all contexts": f"{{ contexts {{ nodes {{ id }} {PAGE} }} }}",
    "all connections": f"{{ connections {{ nodes {{ id }} {PAGE} }} }}",
    **{
        f"{field} of a shared installation": f'{{ installation(installationId: "{OURS}")'
        f" {{ {field} {{ nodes {{ id }} {PAGE} }} }} }}"
        for field in ("connections", "contexts")
    },
    **{
        f"{field} of another actor": f'{{ actor(chittyId: "{THEM}")'
        f" {{ {field} {{ nodes {{ id }} {PAGE} }} }} }}"
        for field in ("contexts", "connections", "suspendedInstallations")
    },
    "installations by what uses them": "{ installations(filter: { connections: { none: {"
    f' targetService: {{ eq: "none" }} }} }}, contexts: {{ some: {{ name: {{ contains: "mine" }} }} }} }})'
    f" {{ nodes {{ id }} {PAGE} }} }}",
    "actors by what they own": '{ actors(filter: { contexts: { none: { name: { eq: "none" } } },'
    ' connections: { none: { targetService: { eq: "none" } } }, suspendedInstallations: { none: {'
    f' accountLogin: {{ eq: "none" }} }} }} }}) {{ nodes {{ id }} {PAGE} }} }}',
    "all changes": f"{{ changes {{ nodes {{ {CHANGE} }} {PAGE} }} }}",
    "the newest changes": f"{{ changes(last: 5) {{ nodes {{ {CHANGE} }} {PAGE} }} }}",
    "changes by what they are of": "{ changes(filter: { kinds: [CONTEXT], operations: [CREATED] })"
    f" {{ nodes {{ {CHANGE} }} {PAGE} }} }}",
    "changes by who made them": f'{{ changes(filter: {{ actor: "{THEM}" }})'
    f" {{ nodes {{ {CHANGE} }} {PAGE} }} }}",
    "changes of a context of theirs": f'{{ changes(filter: {{ entityId: "{THEIR_ID}" }})'
    f" {{ nodes {{ {CHANGE} }} {PAGE} }} }}",
    "the history of a shared installation": f'{{ installation(installationId: "{OURS}")'
    f" {{ history {{ nodes {{ {CHANGE} }} {PAGE} }} }} }}",
    "the history of another actor": f'{{ actor(chittyId: "{THEM}")'
    f" {{ history {{ nodes {{ {CHANGE} }} {PAGE} }} }} }}",
    "connections by their use": f'{{ installation(installationId: "{OURS}") {{ connections('
    f"first: 2, orderBy: [{{ field: REQUEST_COUNT }}]) {{ nodes {{ id }} {PAGE} }} }} }}",
}


@pytest.mark.parametrize("query", OPERATIONS.values(), ids=OPERATIONS)
async def test_rows_of_others_cost_a_query_no_work(tmp_path: Path, query: str):
    taken = []
    for others in (FEW, MANY):
        path = registry(tmp_path, others)
        async with watched(path) as watching:
            statements = await asked(watching, query)
        taken.append(work(path, statements))

    few, many = taken
    assert many <= few * MOST + 100, taken


@pytest.mark.parametrize("query", [each for each in OPERATIONS.values() if "shortestPath" in each])
async def test_nor_do_paths_for_which_everything_is_a_hub(
    tmp_path: Path, query: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(paths, "FEW", 0)

    await test_rows_of_others_cost_a_query_no_work(tmp_path, query)


STATEMENTS = {
    "a look-up": next(lookups.by_column(INSTALLATIONS, "installation_id", [THEIRS]))[0],
    "a look-up of an actor": next(lookups.by_column(ACTORS, "chitty_id", [THEM]))[0],
    "what keeps a connection from going through it": Statement(
        "SELECT " + preconditions.usable_installation(":installation", "x").sql,
        {"installation": THEIRS},
    ),
    "what keeps an actor from opening one": Statement(
        "SELECT " + preconditions.usable_source(":source", "x").sql, {"source": THEM}
    ),
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_a_refused_mutation_takes_no_more_work_either(tmp_path: Path, statement: Statement):
    few, many = [work(registry(tmp_path, others), [statement]) for others in (FEW, MANY)]

    assert many <= few * MOST + 100


STRANGER, NOBODY, NO_INSTALLATION = "CHITTY-ACTOR-000003-AAAA", "CHITTY-ACTOR-000009-AAAA", 999
STRANGER_STORED = f"""
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
        VALUES ('{STRANGER}', 'human', '{AT}', '{AT}')
"""
THEIR_CONTEXT, NO_CONTEXT = "CHITTY-THEIRS-7", "CHITTY-THEIRS-777"
THEIR_CONNECTION, NO_CONNECTION = f"{THEIR_CONTEXT} {THEIRS}", f"{THEIR_CONTEXT} 777"
CONNECTION = {"connection_id": "new", "source_chitty_id": ME, "target_service": "new"}


def by_key(table: Any) -> Callable[[Any], Program[Any]]:
    return lambda key: lookups.by_column(table, table.key, [key])


def json_by_key(table: Any) -> Callable[[Any], Program[Any]]:
    statement = json_listings.rows(table, table.key, [list(table.columns)[-1]])

    def program(key: Any) -> Program[Rows]:
        (found,) = yield [statement.of(json_list([key]))]
        return found

    return program


def around(table: Any) -> Callable[[Any], Program[Any]]:
    def program(key: Any) -> Program[list[Any]]:
        found = yield from neighborhoods.around(Place(table, key), 3, 100, GRAPH_TABLES)
        return [] if found is None else [found]

    return program


def path_to(table: Any) -> Callable[[Any], Program[Any]]:
    def program(key: Any) -> Program[list[Any]]:
        found = yield from paths.between(Place(ACTORS, ME), Place(table, key), 10)
        return list(found.edges or ())

    return program


# One of the first twenty of THEIRS, and none.
THEIR_CHANGE, NO_CHANGE = 16, 10_000_000
# A key of another's row, one of none, and how many instructions more the first may take. The key of an actor
# or installation alone decides; contexts and connections are told by their rows, and have ids that nobody can
# guess. A statement that writes looks for the row first, which is 3 instructions.
KEYS: dict[str, tuple[Callable[[Any], Program[Any]], Any, Any, int]] = {
    "an actor": (by_key(ACTORS), STRANGER, NOBODY, 0),
    "an actor, as JSON": (json_by_key(ACTORS), STRANGER, NOBODY, 0),
    "an installation": (by_key(INSTALLATIONS), THEIRS, NO_INSTALLATION, 0),
    "an installation, as JSON": (json_by_key(INSTALLATIONS), THEIRS, NO_INSTALLATION, 0),
    "a service": (by_key(SERVICES), f"github {THEIRS}", "github 777", 0),
    "a service, as JSON": (json_by_key(SERVICES), f"github {THEIRS}", "github 777", 0),
    "an actor to walk from": (around(ACTORS), STRANGER, NOBODY, 0),
    "an installation to walk from": (around(INSTALLATIONS), THEIRS, NO_INSTALLATION, 0),
    "a service to walk from": (around(SERVICES), f"github {THEIRS}", "github 777", 0),
    "a context to walk from": (around(CONTEXTS), THEIR_CONTEXT, NO_CONTEXT, 5),
    "a connection to walk from": (around(CONNECTIONS), THEIR_CONNECTION, NO_CONNECTION, 30),
    "an installation to walk to": (path_to(INSTALLATIONS), THEIRS, NO_INSTALLATION, 0),
    "a service to walk to": (path_to(SERVICES), f"github {THEIRS}", "github 777", 0),
    "a context to walk to": (path_to(CONTEXTS), THEIR_CONTEXT, NO_CONTEXT, 5),
    "a context": (by_key(CONTEXTS), THEIR_CONTEXT, NO_CONTEXT, 5),
    "a connection": (by_key(CONNECTIONS), THEIR_CONNECTION, NO_CONNECTION, 30),
    "a change": (by_key(CHANGES), THEIR_CHANGE, NO_CHANGE, 60),
    "a change, as JSON": (json_by_key(CHANGES), THEIR_CHANGE, NO_CHANGE, 60),
    "an actor to change": (
        lambda key: actors.update(key, {"display_name": "new"}),
        STRANGER,
        NOBODY,
        3,
    ),
    "an actor that was seen": (
        lambda key: actors.record_seen(key, new_session=False),
        STRANGER,
        NOBODY,
        3,
    ),
    "an actor to delete": (lambda key: actors.delete(key), STRANGER, NOBODY, 3),
    "an heir": (lambda key: actors.delete(ME, transfer_contexts_to=key), STRANGER, NOBODY, 0),
    "a new owner": (lambda key: contexts.transfer("CHITTY-MINE-A", key), STRANGER, NOBODY, 0),
    "an owner": (
        lambda key: contexts.insert({"chitty_id": "new", "name": "new", "owner_chitty_id": key}),
        STRANGER,
        NOBODY,
        0,
    ),
    "an installation to go through": (
        lambda key: connections.insert({**CONNECTION, "installation_id": key}),
        THEIRS,
        NO_INSTALLATION,
        0,
    ),
    "an actor as source": (
        lambda key: connections.insert({**CONNECTION, "source_chitty_id": key}),
        STRANGER,
        NOBODY,
        0,
    ),
    "a context as source": (
        lambda key: connections.insert({**CONNECTION, "source_chitty_id": key}),
        THEIR_CONTEXT,
        NO_CONTEXT,
        10,
    ),
    "a context to delete": (lambda key: contexts.delete(key), THEIR_CONTEXT, NO_CONTEXT, 30),
    "a connection to end": (
        lambda key: connections.disconnect(key),
        THEIR_CONNECTION,
        NO_CONNECTION,
        50,
    ),
}


def program_work(path: Path, program: Program[Any]) -> tuple[int, int]:
    """How many instructions a refused or empty program takes for the viewer, and how many rows come of it."""
    steps, rows = 0, 0

    def count() -> None:
        nonlocal steps
        steps += 1

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.set_progress_handler(count, 1)
        try:
            found = run(
                program, lambda each: connection.execute(*VIEWER.security.of(each)).fetchall()
            )
            rows = sum(row is not None and row != ("[]",) for row in found)
        except Refused:
            pass
        connection.set_progress_handler(None, 1)
        connection.execute("ROLLBACK")
    return steps, rows


@pytest.fixture(scope="module")
def with_stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = registry(tmp_path_factory.mktemp("hidden"), FEW)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(STRANGER_STORED)
        connection.commit()
    return path


@pytest.mark.parametrize(("program", "hidden", "missing", "more"), KEYS.values(), ids=KEYS)
def test_the_key_of_anothers_row_takes_no_more_work_than_that_of_none(
    with_stranger: Path,
    program: Callable[[Any], Program[Any]],
    hidden: Any,
    missing: Any,
    more: int,
):
    of_hidden = program_work(with_stranger, program(hidden))
    of_missing = program_work(with_stranger, program(missing))

    assert (of_hidden[1], of_missing[1]) == (0, 0)
    assert 0 <= of_hidden[0] - of_missing[0] <= more


@pytest.mark.parametrize("make", [contexts.delete, actors.delete], ids=["context", "actor"])
def test_what_belongs_to_anothers_row_takes_a_refused_mutation_no_work(
    tmp_path: Path, make: Callable[[str], Program[Any]]
):
    connected = f"""
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :count)
        INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,
            created_at, updated_at)
        SELECT 'more ' || source || n, source, iif(source = '{THEM}', 'actor', 'context'), 'n' || n,
            '{AT}', '{AT}' FROM n, (SELECT '{THEM}' AS source UNION ALL SELECT '{THEIR_CONTEXT}')
    """
    key = THEM if make is actors.delete else THEIR_CONTEXT
    taken = []
    for count in (FEW, MANY):
        folder = tmp_path / str(count)
        folder.mkdir()
        path = registry(folder, FEW)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(connected, {"count": count})
            connection.commit()
        taken.append(program_work(path, make(key))[0])

    few, many = taken
    assert many <= few * MOST + 100


def test_the_test_of_work_notices_a_statement_whose_work_grows_with_rows_of_others(tmp_path: Path):
    through = "SELECT count(*) FROM seen.connections AS x WHERE x.installation_id = 2"
    few, many = [work(registry(tmp_path, others), [Statement(through)]) for others in (FEW, MANY)]

    assert many > few * MOST + 100
    assert RowSecurity(ME, Extent()) == VIEWER.security
