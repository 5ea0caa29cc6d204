"""Access is a matter of construction: what has no rule, or goes past the rules, is found here."""

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from graphql import GraphQLObjectType

from db.model.tables import ACTORS, CONNECTIONS, TABLES, Connection, Context
from db.program import Statement
from db.queries import json_text
from db.security.row_security import EVERYWHERE, Extent, RowSecurity
from resolvers.permissions import Capability, extent
from schema.built import GRAPHQL
from schema.compiled.compiler import source_of
from schema.fields import sources
from tests.support.corpus import answers, operations, pool
from tests.support.corpus.operations import ROOM
from tests.support.corpus.sharing import counts
from tests.support.paths import ROOT, source_files
from tests.support.registries import separate_owners
from tests.support.registries.separate_owners import seen_by, tenant
from tests.support.services.api import running

ACCESS = (ROOT / "docs/access.md").read_text()
# What is made of values that have come by a rule already.
PLAIN = {
    "InstallationPermission": {"name", "access"},
    "PageInfo": {"hasNextPage", "hasPreviousPage", "startCursor", "endCursor"},
    "UserError": {"code", "message", "path"},
    "Neighborhood": {"center", "nodes", "edges", "truncated"},
    "RelationEdge": {"from", "to", "relation"},
    "RegistryStats": {"actors", "contexts", "installations", "connections"},
    "ConnectionStats": {"total", "byStatus", "requests", "errors"},
    "ConnectionStatusCount": {"status", "count"},
    "SearchEdge": {"field", "highlight"},
    "Viewer": {"capabilities"},
}
# Pages, their edges and payloads, by how their names end.
MADE = {
    "Connection": {"edges", "nodes", "pageInfo", "totalCount"},
    "Edge": {"cursor", "node"},
    "Payload": {
        *("actor", "context", "installation", "connection", "connections", "errors"),
        *("webhook", "secret", "delivery"),
    },
}
PUBLIC_FACE = {
    *("chitty_id", "actor_type", "display_name", "avatar_url", "status"),
    *("created_at", "updated_at"),
}
# Statements that read a table itself, whoever asks: by what they call the rows that they look at.
UNIQUE = {"other": "what must be unique in the registry", "taken": "a connection's UUID"}
READ = re.compile(
    rf"\b(?:FROM|JOIN)\s+({'|'.join(table.name for table in TABLES)})\b(?:\s+AS\s+(\w+))?"
)


def owners() -> list[GraphQLObjectType]:
    return [
        each
        for name, each in GRAPHQL.type_map.items()
        if isinstance(each, GraphQLObjectType) and not name.startswith("__")
    ]


def test_every_field_has_a_source_that_knows_the_viewer():
    known = get_args(sources.Source)
    without = {
        (owner.name, name)
        for owner in owners()
        for name, field in owner.fields.items()
        if not isinstance(source_of(field), known)
        and name not in PLAIN.get(owner.name, ())
        and not any(owner.name.endswith(end) and name in made for end, made in MADE.items())
    }

    assert without == set()


def test_every_mutation_takes_something():
    permits = [source_of(field).requirement for field in GRAPHQL.mutation_type.fields.values()]

    assert {requirement.capability for requirement in permits} <= {*Capability}


def test_the_docs_show_which_capability_each_mutation_requires():
    rows = re.findall(
        r"^\| `(\w+)` \| `(admin|[a-z]+:[a-z]+)` \| ?(.*?) ?\|$", ACCESS, re.MULTILINE
    )

    assert rows == [
        (name, requirement.capability.value, requirement.own)
        for name, field in GRAPHQL.mutation_type.fields.items()
        for requirement in [source_of(field).requirement]
    ]


def test_the_docs_list_every_capability():
    listed = re.findall(r"^\| `(admin|\w+:\w+)` \| \S", ACCESS, re.MULTILINE)

    assert sorted(listed) == sorted(each.value for each in Capability)


def test_an_actors_columns_are_its_public_face_or_private():
    assert ACTORS.columns.keys() - ACTORS.private.keys() == PUBLIC_FACE
    assert set(CONNECTIONS.private) == {"credentials_kv_key"}


@pytest.mark.parametrize("capability", Capability)
def test_only_an_admin_reaches_everything(capability: Capability):
    assert (extent([capability.value]) == EVERYWHERE) == (capability is Capability.ADMIN)


def test_a_statement_without_row_security_fails(migrated):
    for table in TABLES:
        with pytest.raises(Exception, match=f"no such table: {table.seen}"):
            migrated.execute(f"SELECT * FROM {table.seen}")


@pytest.mark.parametrize("count", counts(200, by_default=80))
@pytest.mark.parametrize("word", ["query", "mutation"])
async def test_a_restricted_viewer_reads_tables_through_row_security_only(
    word: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ran: set[str] = set()
    of = RowSecurity.of

    def noted(security: RowSecurity, statement: Statement) -> tuple[str, Any]:
        if security.extent == Extent():
            ran.update({statement.sql, statement.narrow})
        return of(security, statement)

    monkeypatch.setattr(RowSecurity, "of", noted)
    one = tenant("ASHX", 1_000)
    separate_owners.store(tmp_path / "registry.db", one.rows, [one.actor])
    async with (
        running(tmp_path / "registry.db", **separate_owners.SETTINGS | ROOM) as service,
        seen_by(service, one.actor) as viewer,
    ):
        known = pool.read(tmp_path / "registry.db")
        for number in range(count):
            make = operations.query if word == "query" else operations.mutation
            await answers.ask(viewer, make(known, 8, number))

    past = {found.groups() for sql in ran for found in READ.finditer(without_looks(sql))}

    assert len(ran) > 15
    assert {row for _, row in past} <= UNIQUE.keys() | own_rows(word)


@pytest.mark.parametrize("compiled", [False, True], ids=["generic", "compiled"])
async def test_a_context_that_has_the_viewers_id_shows_it_none_of_its_connections(
    compiled: bool, tmp_path: Path
):
    mine, other = tenant("ASHX", 1_000), tenant("OAKX", 2_000)
    context = next(row for row in other.rows if isinstance(row, Context))
    link = next(row for row in other.rows if isinstance(row, Connection))
    twin = replace(context, chitty_id=mine.actor, name="twin")
    hidden = replace(
        link, connection_id="twin's", source_chitty_id=mine.actor, source_type="context"
    )
    separate_owners.store(tmp_path / "registry.db", [*mine.rows, twin, hidden], [mine.actor])

    async with (
        running(tmp_path / "registry.db", **separate_owners.SETTINGS, compiled=compiled) as service,
        seen_by(service, mine.actor) as viewer,
    ):
        page = await viewer.ask(
            "{ connections(first: 100, filter: { status: {} }) { nodes { connectionId } } }"
        )

    shown = {row["connectionId"] for row in page["connections"]["nodes"]}
    assert shown == {row.connection_id for row in mine.seen if isinstance(row, Connection)}


def without_looks(sql: str) -> str:
    """A statement without its look at whether any row cannot be spelled, which chooses between two
    ways to the same answer (`test_isolation.py` asks where others' rows cannot be read).
    """
    for table in TABLES:
        sql = sql.replace(
            f"EXISTS (SELECT 1 FROM {table.name} WHERE {json_text.non_canonical(table)})", ""
        )
    return sql


def own_rows(word: str) -> set[str | None]:
    """What the statements of mutations call the row that they change, which they ask about first."""
    return {None} if word == "mutation" else set()


DATABASES = {"db.database", "db.open_database", "db.sqlite.database"}


@pytest.mark.parametrize("folder", ["resolvers", "schema"])
def test_operations_reach_the_database_through_their_context_only(folder: str):
    reached = {
        path.relative_to(ROOT).as_posix()
        for path in source_files(folder)
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr == "db")
        or (isinstance(node, ast.ImportFrom) and node.module in DATABASES)
    }

    # GitHub's deliveries come from nobody who sees anything.
    assert reached == (
        {"resolvers/operation_context.py", "resolvers/github/deliveries.py"}
        if folder == "resolvers"
        else set()
    )
