"""Lists of an adopted registry hold while another program goes on writing times as it always did."""

import random
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db.migrating import migrator
from db.model import column_types
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, TABLES, Table
from tests.support.expectations.lists import LISTS, List
from tests.support.expectations.oracle import Oracle, ordered
from tests.support.other_programs import naive_writer
from tests.support.paths import ROOT
from tests.support.registries import legacy_registries, relatives
from tests.support.registries.random_registries import Registry
from tests.support.services.api import Api, running

pytestmark = pytest.mark.files_only(
    "the other program writes the file of an adopted registry, and `move` gives times their form"
)
ASKED = [
    name
    for name, each in LISTS.items()
    if name.startswith("Query.") and not each.source.table.is_log
]
# The parents of all rows that the other program writes.
PARENTS = {
    "Actor.contexts": 'actor(chittyId: "CHITTY-actors-0")',
    "Context.connections": 'context(chittyId: "CHITTY-contexts-0")',
}
RELATED: dict[Table[Any], tuple[str, Table[Any]]] = {
    ACTORS: ("contexts", CONTEXTS),
    CONTEXTS: ("connections", CONNECTIONS),
    CONNECTIONS: ("sourceContext", CONTEXTS),
}
OPERATORS = ("gt", "gte", "lt", "lte")
STEPS = [timedelta(), timedelta(milliseconds=1), timedelta(seconds=1), timedelta(hours=6)]
EVERYTHING = 100


def camel(column: str) -> str:
    first, *rest = column.split("_")
    return first + "".join(map(str.capitalize, rest))


def written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def instants_of(table: Table[Any]) -> list[str]:
    return [name for name, column in table.columns.items() if column.type is column_types.INSTANT]


@dataclass
class Shared:
    """A registry that a server, on both execution paths, and another program use at once."""

    generic: Api
    compiled: Api
    connection: sqlite3.Connection
    program: subprocess.Popen[bytes]
    chance: random.Random

    def let_it_write(self) -> None:
        """Tell the other program to write once more; nobody waits until it has."""
        assert self.program.stdin is not None
        self.program.stdin.write(b"\n")
        self.program.stdin.flush()

    def meant(self) -> tuple[int, Registry]:
        """The rows, with the instants that the other program meant, and the version of the database."""
        ((version,),) = self.connection.execute("PRAGMA data_version")
        self.connection.execute("BEGIN")
        sql = "SELECT row, name, at FROM meant WHERE at IS NOT NULL"
        instants = {
            (row, name): written(
                datetime.fromtimestamp(at // 1000, UTC).replace(microsecond=at % 1000 * 1000)
            )
            for row, name, at in self.connection.execute(sql)
        }
        rows = {}
        for table in TABLES:
            columns = ", ".join(table.columns)
            found = self.connection.execute(f"SELECT {columns} FROM {table.name}").fetchall()
            rows[table.name] = [_as_meant(table, values, instants) for values in found]
        self.connection.execute("COMMIT")
        return version, Registry(rows)

    async def page(self, query: str, **variables: Any) -> tuple[Registry, Any]:
        """A page, in which both execution paths agree, and the rows as they were at that moment."""
        while True:
            version, registry = self.meant()
            answers = [
                (await api.client.post("/graphql", json={"query": query, "variables": variables}))
                for api in (self.generic, self.compiled)
            ]
            if self.connection.execute("PRAGMA data_version").fetchone() == (version,):
                assert answers[0].content == answers[1].content
                page = answers[0].json()
                assert "errors" not in page
                page = page["data"]
                while "nodes" not in page:
                    (page,) = page.values()
                return registry, page


def _as_meant(table: Table[Any], values: Any, instants: dict[tuple[str, str], str]) -> Any:
    row = dict(zip(table.columns, values, strict=True))
    for name in instants_of(table):
        row[name] = instants.get((f"{table.name} {row[table.key]}", name))
    return table.row(**row)


def fill(writer: naive_writer.Writer) -> None:
    for table in naive_writer.KEYS:
        writer.add(table)
    for _ in range(60):
        writer.write()


def by_the_original(path: Path) -> None:
    """A registry that the other program made and filled, and that is adopted since."""
    with legacy_registries.opened(path) as connection:
        connection.executescript(legacy_registries.TABLES)
    with naive_writer.connect(path) as connection:
        fill(naive_writer.Writer(connection, seed=1))
    migrator.migrate(path)


def by_another_lineage(path: Path, sql: str) -> None:
    """A registry with other tables, to which the other program writes since it is adopted."""
    # With ids of installations that the other program does not give.
    relatives.made(path, re.sub(r"\((4\d),", r"(10\1,", sql))
    migrator.migrate(path)
    with naive_writer.connect(path) as connection:
        writer = naive_writer.Writer(connection, seed=1)
        for table, names in naive_writer.INSTANTS.items():
            listed = ", ".join((naive_writer.KEYS[table], *names))
            for key, *values in connection.execute(f"SELECT {listed} FROM {table}").fetchall():
                for name, value in zip(names, values, strict=True):
                    at = value and round(datetime.fromisoformat(value).timestamp() * 1000)
                    writer.mean(table, key, name, at)
        fill(writer)


MAKERS: dict[str, Callable[[Path], None]] = {
    "the original": by_the_original,
    "the main line": lambda path: by_another_lineage(path, relatives.MAIN_DATABASE),
    "an earlier one": lambda path: by_another_lineage(path, relatives.EARLIER),
}


@pytest.fixture
def adopted(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    MAKERS[getattr(request, "param", "the original")](tmp_path / "registry.db")
    return tmp_path / "registry.db"


@pytest.fixture
def program(adopted: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The other program, still running beside the server."""
    command = [sys.executable, "-m", naive_writer.__name__, str(adopted), "2"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as process:
        yield process
        process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.fixture
async def shared(adopted: Path, program: subprocess.Popen[bytes]) -> AsyncIterator[Shared]:
    async with (
        running(adopted, compiled=False) as generic,
        running(adopted, compiled=True) as compiled,
    ):
        with legacy_registries.opened(adopted) as connection:
            yield Shared(generic, compiled, connection, program, random.Random(3))


def query_of(name: str) -> str:
    """A query of one list, with everything that its pages can be asked for."""
    table, list_ = LISTS[name].source.table, LISTS[name]
    shown = " ".join(map(camel, (table.key, *instants_of(table))))
    kind = table.row.__name__
    page = (
        f"{list_.field}(first: $first, after: $after, last: $last, before: $before,"
        " filter: $filter, orderBy: $orderBy)"
        f" {{ totalCount nodes {{ {shown} }} edges {{ cursor }} }}"
    )
    if name in PARENTS:
        page = f"{PARENTS[name]} {{ {page} }}"
    return (
        f"query ($first: Int, $after: String, $last: Int, $before: String, $filter: {kind}Filter,"
        f" $orderBy: [{kind}Order!]) {{ {page} }}"
    )


def random_filter(table: Table[Any], registry: Registry, chance: random.Random) -> dict[str, Any]:
    """A filter over the instants of a table, and sometimes over those of a related one."""
    kind = chance.random()
    if kind < 0.1:
        return {"not": random_filter(table, registry, chance)}
    if kind < 0.25:
        parts = [random_filter(table, registry, chance) for _ in range(2)]
        return {chance.choice(["and", "or"]): parts}
    if kind < 0.35 and table in RELATED:
        name, child = RELATED[table]
        inner = random_filter(child, registry, chance)
        is_one = name == "sourceContext"
        return {name: inner if is_one else {chance.choice(["some", "none"]): inner}}
    columns = chance.sample(instants_of(table), chance.choice([1, 1, 2]))
    return {camel(column): _operators(table, column, registry, chance) for column in columns}


def _operators(
    table: Table[Any], column: str, registry: Registry, chance: random.Random
) -> dict[str, Any]:
    if chance.random() < 0.1:
        return {"isNull": chance.random() < 0.5}
    found = {getattr(row, column) for row in registry.of(table)} - {None}
    if not found:
        return {"isNull": False}
    moment = datetime.fromisoformat(chance.choice(sorted(found)))
    moment += chance.choice([-1, 1]) * chance.choice(STEPS)
    return {chance.choice(OPERATORS): written(moment)}


def random_order(list_: List, chance: random.Random) -> tuple[list[tuple[str, str]], Any]:
    """By an instant: for the oracle, and for the query."""
    table = list_.source.table
    by_instant = [
        (member, column)
        for member, column in list_.orderings.items()
        if table.columns[column].type is column_types.INSTANT
    ]
    member, column = chance.choice(by_instant)
    direction = chance.choice(["ASC", "DESC"])
    return [(column, direction)], [{"field": member, "direction": direction}]


def expected(name: str, registry: Registry, given: Any, order: list[tuple[str, str]]) -> list[Any]:
    table, oracle, rows = LISTS[name].source.table, Oracle(registry), None
    if name in PARENTS:
        parent = LISTS[name].source.relation.parent
        (row,) = [
            each for each in registry.of(parent) if each.chitty_id == f"CHITTY-{parent.name}-0"
        ]
        _, rows = oracle.related(parent, LISTS[name].field, row)
    return ordered(table, oracle.listed(table, given, rows), order)


def shown(table: Table[Any], row: Any) -> dict[str, Any]:
    node = {camel(name): getattr(row, name) for name in instants_of(table)}
    return {camel(table.key): str(getattr(row, table.key)), **node}


async def compare_a_page(shared: Shared) -> int:
    """Ask for a whole list, with a random filter and ordering; the number of its rows."""
    name = shared.chance.choice([*ASKED, *PARENTS])
    order, order_by = random_order(LISTS[name], shared.chance)
    given = random_filter(LISTS[name].source.table, shared.meant()[1], shared.chance)

    registry, page = await shared.page(
        query_of(name), first=EVERYTHING, filter=given, orderBy=order_by
    )

    rows = expected(name, registry, given, order)
    assert page["nodes"] == [shown(LISTS[name].source.table, row) for row in rows], (given, order)
    assert page["totalCount"] == len(rows)
    return len(rows)


async def walk(shared: Shared) -> int:
    """Walk a list page by page while the other program writes; the number of rows that did not change."""
    name = shared.chance.choice([*ASKED, *PARENTS])
    table = LISTS[name].source.table
    ((column, direction),), order_by = random_order(LISTS[name], shared.chance)
    size, cursor = shared.chance.choice([("first", "after"), ("last", "before")])
    count = shared.chance.choice([2, 5, 9])
    _, before = shared.meant()
    given = random_filter(table, before, shared.chance)
    walked: list[Any] = []
    variables: dict[str, Any] = {}
    while True:
        shared.let_it_write()
        _, page = await shared.page(
            query_of(name), filter=given, orderBy=order_by, **{size: count}, **variables
        )
        nodes, edges = page["nodes"], page["edges"]
        walked = [*walked, *nodes] if size == "first" else [*nodes, *walked]
        if len(nodes) < count:
            break
        variables = {cursor: edges[-1 if size == "first" else 0]["cursor"]}
    _, after = shared.meant()

    ranks = [_rank(node, camel(column), camel(table.key), table) for node in walked]
    assert ranks == sorted(set(ranks), reverse=direction == "DESC"), (given, order_by)
    rows_after = expected(name, after, given, [(column, direction)])
    stable = [
        row for row in expected(name, before, given, [(column, direction)]) if row in rows_after
    ]
    keys = [node[camel(table.key)] for node in walked]
    assert [str(getattr(row, table.key)) for row in stable] == [
        key for key in keys if key in {str(getattr(row, table.key)) for row in stable}
    ]
    return len(stable)


def _rank(node: Any, column: str, key: str, table: Table[Any]) -> tuple[Any, ...]:
    value = node[column]
    id_ = node[key] if table.columns[table.key].type is not column_types.BIG_INT else int(node[key])
    return (value is not None, value or "", id_)


async def compare(shared: Shared, pages: int, walks: int) -> None:
    found = 0
    for _ in range(pages):
        shared.let_it_write()
        found += await compare_a_page(shared)
    stable = sum([await walk(shared) for _ in range(walks)])

    assert found > pages
    assert stable > walks


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_what_is_no_instant_is_told_and_loses_no_row_of_a_walk(shared, direction: str):
    for number, text in enumerate(("yesterday", "2026-02-30", "~"), 1):
        sql = f"UPDATE contexts SET created_at = '{text}' WHERE name = 'context {number}'"
        shared.connection.execute(sql)
    for api in (shared.generic, shared.compiled):
        query = f"""query ($after: String) {{
            contexts(first: 4, after: $after, filter: {{status: {{in: [ACTIVE, INACTIVE, DELETED]}}}},
                orderBy: {{field: CREATED_AT, direction: {direction}}}) {{
                nodes {{ name }} pageInfo {{ endCursor hasNextPage }} }} }}"""
        names, more, after = [], True, None
        while more:
            page = (await api.ask(query, after=after))["contexts"]
            names += [node["name"] for node in page["nodes"]]
            more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
        told = await api.post('{ contextByName(name: "context 1") { createdAt } }')

        assert sorted(names) == sorted(row.name for row in shared.meant()[1].of(CONTEXTS))
        (error,) = told["errors"]
        assert error["extensions"]["code"] == "UNREADABLE"
        assert "created_at" in error["message"]


async def test_filters_orderings_and_walks_hold_while_another_program_writes(shared):
    await compare(shared, pages=40, walks=5)


@pytest.mark.parametrize("adopted", ["the main line"], indirect=True)
async def test_they_hold_over_what_another_lineage_left(shared):
    await compare(shared, pages=20, walks=5)


@pytest.mark.thorough
@pytest.mark.parametrize("adopted", MAKERS, indirect=True)
async def test_five_hundred_of_them_hold(shared):
    await compare(shared, pages=400, walks=100)
