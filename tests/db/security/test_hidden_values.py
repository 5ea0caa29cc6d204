"""What a viewer may not know of a row that it sees is NULL: shown, asked for, compared and put in order.

What is expected is what open mode answers from a registry that holds just what the viewer sees, with NULL
where it may not know: a table that another program has made may hold that.
"""

import itertools
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLInputObjectType, get_named_type
from strawberry.utils.str_converters import to_snake_case

from db.model.tables import ACTORS, CONNECTIONS, TABLES, Actor, Connection, Installation
from schema.fields import global_ids
from tests.support.corpus import answers, operations, pool
from tests.support.corpus.marking import BY_CHANCE
from tests.support.corpus.operations import GRAPHQL, ROOM, Operation
from tests.support.corpus.sharing import ranges
from tests.support.registries import separate_owners
from tests.support.registries.separate_owners import ADMIN, Tenant, seen_by, tenant
from tests.support.running import garbage
from tests.support.services.api import Api, running

pytestmark = [*BY_CHANCE, pytest.mark.asyncio(loop_scope="module")]
# Of these, two in five are about changes, and are left out.
QUERIES = ranges(340, 34, by_default=34)
HOLDERS = {
    "nothing": "[]",
    "audit": '["audit:read"]',
    "read": '["registry:read"]',
    "installations": '["installations:write"]',
}
ACTOR_FILTER: Any = GRAPHQL.type_map["ActorFilter"]
ORDER_FIELD: Any = GRAPHQL.type_map["ActorOrderField"]
FIELDS = {
    name: field
    for name, field in ACTOR_FILTER.fields.items()
    if to_snake_case(name) in ACTORS.private
}
OPERATORS = [
    (name, operator)
    for name, field in FIELDS.items()
    for operator in get_named_type(field.type).fields
]
# Where a condition on an actor can stand, and the lists that take it there.
PLACES = {
    "actors": "{}",
    "contexts": "{{owner: {}}}",
    "connections": "{{sourceActor: {}}}",
    "installations": "{{contexts: {{some: {{owner: {}}}}}}}",
}
AROUND = ("{}", "{{not: {}}}", "{{or: [{}, {{displayName: {{isNull: true}}}}]}}")
ORDERINGS = [
    (name, direction)
    for name in ORDER_FIELD.values
    if name.lower() in ACTORS.private
    for direction in ("ASC", "DESC")
]


@dataclass
class Views:
    """The service as a viewer finds it, and one in open mode over what this viewer may know."""

    protected: Api
    expected: Api
    file: Path

    async def check(self, operation: Operation) -> None:
        """Fail where the two answer differently."""
        expected = await answers.ask(self.expected, operation)
        found = await answers.ask(self.protected, operation)
        wrong = answers.fault(found) or answers.difference(expected, found)
        if wrong:
            pytest.fail(f"{wrong}\n{operation}", pytrace=False)


@asynccontextmanager
async def views(folder: Path, holder: str) -> AsyncIterator[Views]:
    both = [
        tenant("ASHX", 1_000, seed=1, capabilities=HOLDERS[holder]),
        tenant("OAKX", 2_000, seed=2),
    ]
    viewer = both[0].actor
    everything = [row for each in both for row in each.rows] + [ADMIN]
    separate_owners.store(folder / "all.db", everything, [viewer])
    separate_owners.store(folder / "known.db", known(holder, both, everything), [], loose=True)
    settings = ROOM | {"introspection": True}
    async with (
        running(folder / "all.db", **separate_owners.SETTINGS | ROOM) as service,
        seen_by(service, viewer) as protected,
        running(folder / "known.db", **settings) as expected,
    ):
        expected.service.operations.documents = service.service.operations.documents
        yield Views(protected, expected, folder / "all.db")
        garbage.collect()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown_to(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Callable[[str], Awaitable[Views]]]:
    """The views of a holder, opened once for all tests, which only read."""
    async with AsyncExitStack() as stack:
        opened: dict[str, Views] = {}

        async def of(holder: str) -> Views:
            if holder not in opened:
                folder = tmp_path_factory.mktemp(holder)
                opened[holder] = await stack.enter_async_context(views(folder, holder))
            return opened[holder]

        yield of


def known(holder: str, both: list[Tenant], everything: list[Any]) -> list[Any]:
    """The rows that a holder of this sees, NULL where it may not know."""
    me = both[0]
    if holder == "read":
        return [_without_foreign_key(row, me) for row in everything]
    rows = me.seen
    if holder == "installations":
        apps = [row for row in everything if isinstance(row, Installation)]
        named = {row.suspended_by_chitty_id for row in apps} | {me.actor}
        faces = [row for row in everything if isinstance(row, Actor) and row.chitty_id in named]
        rest = [row for row in me.seen if not isinstance(row, Actor | Installation)]
        rows = [*faces, *apps, *rest]
    return [
        _face(row) if isinstance(row, Actor) and row.chitty_id != me.actor else row for row in rows
    ]


def _face(actor: Actor) -> Actor:
    return replace(actor, **dict.fromkeys(ACTORS.private))


def _without_foreign_key(row: Any, me: Tenant) -> Any:
    """A connection of others: that it has credentials is known, and not where they are."""
    if not isinstance(row, Connection) or row in me.seen or row.credentials_kv_key is None:
        return row
    return replace(row, credentials_kv_key=CONNECTIONS.private["credentials_kv_key"].hidden)


@pytest.mark.parametrize("queries", QUERIES)
@pytest.mark.parametrize("holder", HOLDERS)
async def test_a_viewer_gets_the_response_of_a_registry_with_only_its_visible_rows(
    shown_to, holder: str, queries: range
):
    shown = await shown_to(holder)
    found = pool.read(shown.file)
    await pool.harvest(shown.protected, found, GRAPHQL)
    # What a viewer may not know is left out of changes, not NULL: test_changes_of_others.py.
    found.ids = [each for each in found.ids if global_ids.decode(each)[0] in TABLES]
    del found.cursors[pool.OF_CHANGES]

    for number in queries:
        operation = operations.query(found, 7, number)
        # A cursor of a search says up to which rows it counts, for whoever sees all of a table.
        is_search_with_cursors = re.search(r"\bsearch\b.*[cC]ursor", operation.document, re.DOTALL)
        is_of_viewer = re.search(r"\b(viewer|history|changes)\b", operation.document)
        if not is_search_with_cursors and not is_of_viewer:
            await shown.check(operation)


def values(name: str, operator: str) -> list[Any]:
    """Operands for this operator: values that others have in this column, and some that they do not."""
    column = to_snake_case(name)
    if operator in ("isNull", "isEmpty", "ignoreCase"):
        return [True, False]
    friends = [row for row in tenant("ASHX", 1_000).seen[1:] if isinstance(row, Actor)]
    stored = [getattr(friend, column) for friend in friends]
    if column == "capabilities":
        stored = [item for each in stored for item in json.loads(each)]
    found = [value for value in dict.fromkeys(stored) if value is not None]
    if operator == "startsWith":
        found = [value[:2] for value in found] + [""]
    kind = str(get_named_type(FIELDS[name].type).fields[operator].type)
    if "BigInt" in kind:
        found = [str(value) for value in found]
    return [found] if kind.startswith("[") else found


def asked(name: str, operator: str, *, everywhere: bool) -> Iterator[Operation]:
    """Ways to ask for actors by this operator on this field: in each place, and in each condition.

    Everywhere in each condition, too. One value is written in the document, the others are a variable's.
    """
    literal, *others = values(name, operator)
    kind = get_named_type(FIELDS[name].type).fields[operator].type
    for around, (root, place) in itertools.product(AROUND, PLACES.items()):
        if not everywhere and around != AROUND[0] and root != "actors":
            continue
        given: list[tuple[str, str, dict[str, Any]]] = [("", json.dumps(literal), {})]
        given += [(f"query ($value: {kind}) ", "$value", {"value": value}) for value in others]
        for head, operand, variables in given:
            filter_ = place.format(around.format(f"{{{name}: {{{operator}: {operand}}}}}"))
            document = (
                f"{head}{{ {root}(first: 50, filter: {filter_}) {{ totalCount nodes {{ id }} }} }}"
            )
            yield Operation("by hand", document, variables, None, operations.MEDIA_TYPES[0])


EVERYWHERE = [
    pytest.param(False, id="each place"),
    pytest.param(True, id="each condition in each place", marks=pytest.mark.thorough),
]


@pytest.mark.parametrize("everywhere", EVERYWHERE)
@pytest.mark.parametrize(("name", "operator"), OPERATORS)
async def test_no_operator_finds_out_what_is_hidden(
    shown_to, name: str, operator: str, everywhere: bool
):
    shown = await shown_to("nothing")

    for operation in asked(name, operator, everywhere=everywhere):
        await shown.check(operation)


@pytest.mark.parametrize(("name", "direction"), ORDERINGS)
async def test_no_ordering_or_cursor_finds_out_what_is_hidden(shown_to, name: str, direction: str):
    shown = await shown_to("nothing")
    order = f"orderBy: [{{field: {name}, direction: {direction}}}], filter: {{status: {{}}}}"
    selected = "totalCount nodes { chittyId } pageInfo { hasNextPage endCursor startCursor }"
    after = ""
    pages: list[dict[str, Any]] = []

    while len(pages) < 5:
        document = f"{{ actors(first: 2, {order}{after}) {{ {selected} }} }}"
        operation = Operation("by hand", document, {}, None, operations.MEDIA_TYPES[0])
        await shown.check(operation)
        pages.append(page := (await shown.protected.ask(document))["actors"])
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = f", after: {json.dumps(page['pageInfo']['endCursor'])}"

    assert [len(page["nodes"]) for page in pages] == [2, 2, 1]


async def test_rows_with_hidden_values_sort_last_in_descending_order(shown_to):
    shown = await shown_to("nothing")
    order = "orderBy: [{field: SESSION_COUNT, direction: DESC}], filter: {status: {}}"
    found, after = [], ""

    for _ in range(10):
        document = (
            f"{{ actors(first: 1, {order}{after}) {{ nodes {{ sessionCount }}"
            " pageInfo { hasNextPage endCursor } } }"
        )
        page = (await shown.protected.ask(document))["actors"]
        found += [node["sessionCount"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = f", after: {json.dumps(page['pageInfo']['endCursor'])}"

    (own, *others) = found
    assert own is not None
    assert others == [None] * 4


async def test_it_is_visible_that_a_connection_has_credentials_but_not_where_they_are(shown_to):
    shown = await shown_to("read")

    found = await shown.protected.ask(
        "{ connections(first: 100, filter: {status: {}}) { nodes {"
        " targetService hasCredentials credentialsKvKey } } }"
    )
    foreign = [
        row for row in found["connections"]["nodes"] if row["targetService"].endswith("oakx")
    ]

    assert {row["hasCredentials"] for row in foreign} == {True, False}
    assert {row["credentialsKvKey"] for row in foreign} == {None}


async def test_where_credentials_are_is_hidden_however_a_connection_is_reached(shown_to):
    shown = await shown_to("read")
    connections = "connections(first: 50, filter: {status: {}}) { nodes { ...shown } }"
    fragment = "fragment shown on Connection { id targetService hasCredentials credentialsKvKey }"
    document = (
        f"{{ contexts(first: 50, filter: {{status: {{}}}}) {{ nodes {{ {connections} }} }}"
        f" installations(first: 50) {{ nodes {{ {connections} }} }} {connections} }} {fragment}"
    )

    found = await shown.protected.ask(document)
    ids = json.dumps([row["id"] for row in found["connections"]["nodes"]])
    by_id = await shown.protected.ask(f"{{ nodes(ids: {ids}) {{ ...shown }} }} {fragment}")
    reached = {
        "a list": found["connections"]["nodes"],
        "its id": by_id["nodes"],
        **{
            root: [row for each in found[root]["nodes"] for row in each["connections"]["nodes"]]
            for root in ("contexts", "installations")
        },
    }
    foreign = {
        way: {
            row["credentialsKvKey"]
            for row in rows
            if row["hasCredentials"] and row["targetService"].endswith("oakx")
        }
        for way, rows in reached.items()
    }

    assert foreign == {way: {None} for way in reached}


async def test_every_way_to_filter_by_an_actor_is_tried():
    leading = {
        name
        for name, type_ in GRAPHQL.type_map.items()
        if isinstance(type_, GraphQLInputObjectType)
        for field in type_.fields.values()
        if get_named_type(field.type).name == "ActorFilter" and name != "ActorFilter"
    }

    assert leading == {"ContextFilter", "ConnectionFilter"}
    assert {name for name, _ in OPERATORS} == {
        "email",
        "capabilities",
        "sessionCount",
        "lastSeenAt",
    }
