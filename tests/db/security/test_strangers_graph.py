"""The graph's fields tell a stranger nothing of rows that it does not see.

Two registries differ only in such rows: of both, each field with each of its arguments gives the same bytes,
errors and cursors, and asks the database for the same in the same batches.
"""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest
import pytest_asyncio
from graphql import parse

from db.model.services import SERVICES
from db.model.tables import TABLES, Connection
from db.program import Program, ReadTimes
from resolvers.permissions import Viewer
from resolvers.recording_context import RecordingContext
from schema.errors import format_errors
from schema.execution.executor import Executor
from schema.fields import global_ids
from tests.db.security.test_strangers_groups import fields
from tests.support.corpus import reach
from tests.support.corpus.operations import GRAPHQL
from tests.support.expectations.statement_counts import RecordedRegistry, watched
from tests.support.registries import separate_owners
from tests.support.registries.separate_owners import ADMIN, Tenant, tenant

T = TypeVar("T")
pytestmark = pytest.mark.asyncio(loop_scope="module")
KEY = b"key"
MINE, THEIRS = tenant("ASHX", 1_000, seed=1), tenant("OAKX", 2_000, seed=2)
# What the stranger may not know of those whom it sees differs, too.
ALONE = tenant("ASHX", 1_000, seed=1, hidden=99)
STRANGER, ADMINISTRATOR = Viewer(MINE.actor, ()), Viewer(ADMIN.chitty_id, ("admin",))
PAGE = "totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
STATS = "total byStatus { status count } requests errors"

AROUND = """
    query ($of: ID!, $depth: Int! = 1, $maxNodes: Int! = 200, $kinds: [NodeKind!]) {
      neighborhood(of: $of, depth: $depth, maxNodes: $maxNodes, kinds: $kinds) {
        center { id } nodes { __typename id ... on Actor { displayName email } } truncated
        edges { from to relation }
      }
    }
"""
PATH = """
    query ($from: ID!, $to: ID!, $maxDepth: Int! = 6) {
      shortestPath(from: $from, to: $to, maxDepth: $maxDepth) { from to relation }
    }
"""
SERVICES_PAGE = f"""
    query ($first: Int, $after: String, $last: Int, $before: String, $filter: StringFilter) {{
      services(first: $first, after: $after, last: $last, before: $before, filter: $filter) {{
        {PAGE} edges {{ cursor node {{ id name }} }} nodes {{ stats {{ {STATS} }} }}
      }}
    }}
"""
_OF_A_PAGE = "$first: Int, $after: String, $last: Int, $before: String"
_PAGED = "first: $first, after: $after, last: $last, before: $before"
SERVICE = f"""
    query ({_OF_A_PAGE}, $id: ID!, $of: ConnectionFilter, $named: ContextFilter,
        $connections: [ConnectionOrder!], $contexts: [ContextOrder!]) {{
      node(id: $id) {{ ... on Service {{
        id name stats {{ {STATS} }}
        connections({_PAGED}, filter: $of, orderBy: $connections) {{ {PAGE} nodes {{ id targetService }}
          groups(by: [STATUS, CREATED_MONTH], first: 9, orderBy: KEY_ASC) {{ status created count }} }}
        contexts({_PAGED}, filter: $named, orderBy: $contexts) {{ {PAGE} nodes {{ id name }}
          groups(by: OWNER) {{ owner {{ id }} count }} }}
      }} }}
    }}
"""
WHOLE = f"""
    {{ registryStats {{ actors contexts installations connections {{ {STATS} }} }} }}
"""
FOUND = f"""
    query ($text: String!, $kinds: [NodeKind!], $first: Int, $after: String) {{
      search(text: $text, kinds: $kinds, first: $first, after: $after) {{
        {PAGE} edges {{ cursor field highlight node {{ __typename id }} }} nodes {{ id }}
      }}
    }}
"""
TEXT_FILTERS = {
    "actors": ("ActorFilter", ("displayName", "email")),
    "contexts": ("ContextFilter", ("name",)),
    "installations": ("InstallationFilter", ("accountLogin",)),
    "connections": ("ConnectionFilter", ("targetService", "targetEndpoint", "lastError")),
}
LISTED = """
    query ($filter: {type}) {{ {name}(first: 50, filter: $filter) {{ totalCount nodes {{ id }} }} }}
"""
KINDS = [None, [], ["ACTOR"], ["CONTEXT", "CONNECTION"], ["SERVICE", "INSTALLATION", "CONNECTION"]]
NOWHERE = [global_ids.of_key("Service", "none"), global_ids.of_key("Actor", "x"), "", "=", "🦊"]


@dataclass
class Shown:
    """What a viewer is shown by two registries: one of everybody's rows and one of its own."""

    everybody: RecordedRegistry
    own: RecordedRegistry

    async def same(self, query: str, **variables: Any) -> Any:
        """The data of an operation, of which a stranger is told the same by both, on both paths."""
        told = [
            await asked(registry, STRANGER, query, variables, compiled=compiled)
            for compiled in (True, False)
            for registry in (self.everybody, self.own)
        ]
        for one, other in (told[:2], told[2:]):
            assert one == other, (query, variables)
        assert told[0][0] == told[2][0], (query, variables)
        return orjson.loads(told[0][0])["data"]

    async def differs(self, query: str, **variables: Any) -> bool:
        """Whether an admin is shown something else than the stranger."""
        mine, _ = await asked(self.everybody, STRANGER, query, variables, compiled=True)
        everything, _ = await asked(self.everybody, ADMINISTRATOR, query, variables, compiled=True)
        return mine != everything


class Context(RecordingContext):
    """One that reads in a thread: what the event loop begins and gives up would be recorded twice."""

    async def read_measured(self, start: Callable[[], Program[T]], times: ReadTimes) -> T:
        return await self.read_last(start())


async def asked(
    registry: RecordedRegistry, viewer: Viewer, query: str, variables: Any, *, compiled: bool
) -> tuple[bytes, list[Any]]:
    """The answer's bytes, and each statement with what is bound in it and the batch that it was in."""
    registry.executor = EXECUTORS[compiled]
    async with Context(db=registry.db, cursor_key=KEY, viewer=viewer) as ctx:
        result = await registry.answered(ctx, query, variables)
    answer = {"data": result.data, "errors": format_errors(result.errors, "")}
    statements = [
        (each.batch, each.statement.sql, dict(each.statement.bind), each.rows)
        for each in ctx.recorded
    ]
    return orjson.dumps(answer), statements


EXECUTORS = {compiled: Executor(compile_operations=compiled) for compiled in (True, False)}


def store(folder: Path) -> tuple[Path, Path]:
    """Both registries."""
    rows = [row for each in (MINE, THEIRS) for row in each.rows]
    everybody, own = folder / "everybody.db", folder / "own.db"
    separate_owners.store(everybody, [*rows, ADMIN], [MINE.actor, ADMIN.chitty_id])
    separate_owners.store(own, ALONE.seen, [MINE.actor])
    return everybody, own


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shown]:
    everybody, own = store(tmp_path_factory.mktemp("strangers"))
    async with AsyncExitStack() as stack:
        registries = [await stack.enter_async_context(watched(path)) for path in (everybody, own)]
        for each in registries[1:]:
            each.documents = registries[0].documents
        yield Shown(*registries)


def ids(rows: list[Any]) -> list[str]:
    return [global_ids.encode(row) for row in rows]


def services(part: Tenant) -> list[str]:
    names = {row.target_service for row in part.rows if isinstance(row, Connection)}
    return [global_ids.of_key(SERVICES.row.__name__, name) for name in sorted(names)]


OTHERS = [*ids(MINE.unseen), *services(THEIRS), *ids(THEIRS.rows)[::6], *NOWHERE]


async def test_a_neighborhood_tells_nothing_of_others(shown):
    found = 0
    for id_ in [*ids(MINE.seen)[::4], *services(MINE), *OTHERS]:
        around = await shown.same(AROUND, of=id_, depth=10)
        found += around["neighborhood"] is not None
    centers = [*ids(MINE.seen)[:60:15], *services(MINE)[:1], *OTHERS[::9]]
    for id_, kinds, most in itertools.product(centers, KINDS, (1, 4)):
        await shown.same(AROUND, of=id_, depth=3, kinds=kinds, maxNodes=most)
    for wrong in ({"depth": 0}, {"maxNodes": 1_001}):
        for id_ in centers:
            await shown.same(AROUND, of=id_, **wrong)

    assert found > 10
    assert await shown.differs(AROUND, of=services(THEIRS)[0])


async def test_a_path_tells_nothing_of_others(shown):
    me, *mine = [*ids(MINE.seen)[::7], *services(MINE)]
    found = 0
    for start, end in [
        *itertools.product([me, mine[3]], [*mine, *OTHERS]),
        *itertools.product(OTHERS[::5], [me, *OTHERS[::7]]),
    ]:
        for most in (2, 20):
            path = await shown.same(PATH, **{"from": start, "to": end}, maxDepth=most)
            found += path["shortestPath"] is not None
    for end in OTHERS[::3]:
        await shown.same(PATH, **{"from": me, "to": end}, maxDepth=21)

    assert found > 20
    assert await shown.differs(PATH, **{"from": services(THEIRS)[0], "to": ids(THEIRS.rows)[0]})


async def cursors(shown: Shown, query: str, field: str, **variables: Any) -> list[str]:
    """Cursors of the stranger's list, and of an admin's."""
    found = []
    for viewer in (STRANGER, ADMINISTRATOR):
        answer, _ = await asked(shown.everybody, viewer, query, variables, compiled=True)
        found += [each["cursor"] for each in orjson.loads(answer)["data"][field]["edges"]]
    return list(dict.fromkeys(found))


async def test_services_tell_nothing_of_others(shown):
    pages = [{"first": 2}, {"last": 2}, {"first": 0}, {"first": 1, "last": 1}]
    for page in [{}, *pages]:
        await shown.same(SERVICES_PAGE, **page)
    for cursor in [*await cursors(shown, SERVICES_PAGE, "services"), "x"]:
        await shown.same(SERVICES_PAGE, first=1, after=cursor)
        await shown.same(SERVICES_PAGE, last=1, before=cursor)
        await shown.same(SERVICES_PAGE, after=cursor, before=cursor)
    for filter_ in text_filters():
        await shown.same(SERVICES_PAGE, filter=filter_)

    assert await shown.differs(SERVICES_PAGE)


async def test_a_service_tells_nothing_of_others(shown):
    for id_ in [*services(MINE), *services(THEIRS), *NOWHERE]:
        await shown.same(SERVICE, id=id_)
        for more in (
            {"first": 1, "of": {"status": {"in": ["FAILED", "DISCONNECTED"]}}},
            {"last": 1, "connections": [{"field": "ERROR_COUNT"}], "contexts": [{"field": "NAME"}]},
            {"first": 2, "named": {"name": {"endsWith": "1", "ignoreCase": True}}},
            {"after": "x", "before": "x"},
        ):
            await shown.same(SERVICE, id=id_, **more)

    assert await shown.differs(SERVICE, id=services(THEIRS)[0])


async def test_statistics_tell_nothing_of_others(shown):
    await shown.same(WHOLE)

    assert await shown.differs(WHOLE)


async def test_a_search_tells_nothing_of_others(shown):
    texts = [
        "ada",
        "ashx",
        "oakx",
        "a",
        "o",
        "github",
        "github oakx",
        "https api example",
        "zzz",
        "",
    ]
    texts += ["ada@ashx.example.org", "ada@oakx.example.org", '"', "x" * 201, "a " * 9]
    told = 0
    for text in texts:
        for kinds, first in itertools.product(
            [None, [], ["ACTOR"], ["SERVICE", "CONNECTION"]], (2, 50)
        ):
            found = (await shown.same(FOUND, text=text, kinds=kinds, first=first))["search"]
            told += bool(found and found["totalCount"])
    for text in ("ada", "a", "github"):
        for cursor in [*(await cursors(shown, FOUND, "search", text=text, first=90))[::4], "x"]:
            await shown.same(FOUND, text=text, after=cursor, first=3)

    assert told > 20
    assert await shown.differs(FOUND, text="oakx")


def text_filters() -> Iterator[dict[str, Any]]:
    """Each operator that ends a text or looks at its letters alone, for texts of both tenants."""
    for text in ("ASHX", "oakx", "GITHUB-oakx", "Ada", "ADA@ashx.example.org", "org", ""):
        yield {"endsWith": text}
        for operator in ("eq", "contains", "startsWith", "endsWith"):
            yield {operator: text, "ignoreCase": True}
        yield {"in": [text, text.upper()], "ignoreCase": True}
        yield {"not": text, "ignoreCase": False}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_filters_of_any_case_tell_nothing_of_others(shown, table):
    type_, names = TEXT_FILTERS[table.name]
    query = LISTED.format(name=table.name, type=type_)
    for name, filter_ in itertools.product(names, text_filters()):
        await shown.same(query, filter={name: filter_})

    assert await shown.differs(query, filter={names[0]: {"contains": "OAKX", "ignoreCase": True}})


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_groups_take_the_same_statements(shown, table):
    for field in fields(table):
        await shown.same(f"{{ {table.name} {{ {field} }} }}")


def is_of_graph(name: str) -> bool:
    """Whether this is told of here: what groups show is in test_strangers_groups.py."""
    kind, _, field = name.partition(".")
    of_query = kind == "Query" and field.partition("(")[0] in reach.OF_GRAPH
    own = kind.startswith(("Neighborhood", "RelationEdge", "Service", "Search", "RegistryStats"))
    return of_query or own or kind in ("ConnectionStats", "ConnectionStatusCount")


async def test_every_field_and_argument_of_the_graph_is_asked_for_here():
    documents = [AROUND, PATH, SERVICES_PAGE, SERVICE, WHOLE, FOUND]
    named = set().union(*(reach.named(GRAPHQL, parse(document)) for document in documents))

    assert {name for name in reach.everything(GRAPHQL) if is_of_graph(name)} - named == set()
