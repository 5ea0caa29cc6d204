"""Pages of leaves come as the answer's own text, byte for byte what generic execution makes of them."""

from itertools import product
from typing import Any

import orjson
import pytest

from db.model.tables import CONNECTIONS, CONTEXTS, TABLES, Table
from db.program import Statement
from db.queries import json_text
from resolvers.permissions import OPERATOR
from resolvers.recording_context import RecordingContext
from schema.built import GRAPHQL
from schema.compiled.compiler import source_of
from schema.fields.sources import FromColumn
from tests.support.corpus import non_canonical
from tests.support.expectations.orderings import ORDERINGS
from tests.support.expectations.statement_counts import RecordedRegistry, fill, watched
from tests.support.services.api import Api, running

FIELDS = {table: [member.name for member in members] for table, members in ORDERINGS}
NON_CANONICAL = {
    "an unknown status": "status = 'archived'",
    "another form of an instant": "updated_at = '2026-01-01 00:00:00'",
    "a BLOB": "name = x'ff'",
    "nothing where something must be": "owner_chitty_id = NULL",
}


async def both(api: Api, generic: Api, query: str) -> tuple[bytes, bytes]:
    sent = {"query": query}
    found, expected = [(await each.client.answer(sent)).body for each in (api, generic)]
    return found, expected


def leaves(table: Table[Any], arguments: str) -> str:
    """A page of all that SQLite can spell, some of it twice."""
    type_: Any = GRAPHQL.type_map[table.row.__name__]
    names = [
        name
        for name, field in type_.fields.items()
        if isinstance(source := source_of(field), FromColumn)
        and json_text.has_json_text([(name, source.column)])
    ]
    again = [f"{name}_: {name}" for name in names[:9]]
    return f"""{table.name}({arguments}) {{
        nodes {{ {" ".join(names)} type: __typename {" ".join(again)} }}
        pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} totalCount
    }}"""


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_pages_equal_generic_execution_in_any_order_and_direction(
    tmp_path, table: Table[Any]
):
    file, different = tmp_path / "registry.db", []
    non_canonical.fill_canonical(file, seed=2)

    async with running(file) as api, running(file, compiled=False) as generic:
        generic.service.operations.documents = api.service.operations.documents
        for field, way, end in product(FIELDS[table], ("ASC", "DESC"), ("first", "last")):
            asked = f"{end}: 4, orderBy: [{{field: {field}, direction: {way}}}]"
            found, expected = await both(api, generic, f"{{ {leaves(table, asked)} }}")
            pairs = [(found, expected)]
            ends = orjson.loads(found)["data"][table.name]["pageInfo"]
            for side, cursor in (("after", "startCursor"), ("before", "endCursor")):
                beyond = leaves(table, f'{asked}, {side}: "{ends[cursor]}"')
                pairs.append(await both(api, generic, f"{{ {beyond} }}"))
            different += [(asked, found) for found, expected in pairs if found != expected]

    assert different == []


async def test_pages_of_many_parents_equal_generic_execution(tmp_path):
    non_canonical.fill_canonical(tmp_path / "registry.db", seed=3)
    page = leaves(CONNECTIONS, "first: 1")
    query = f"{{ contexts(first: 80) {{ nodes {{ {page} }} }} actors {{ nodes {{ {page} }} }} }}"

    async with (
        running(tmp_path / "registry.db") as api,
        running(tmp_path / "registry.db", compiled=False) as generic,
    ):
        found, expected = await both(api, generic, query)

    assert found == expected
    assert b'"nodes":[]' in found
    assert b'"hasNextPage":true' in found


@pytest.mark.parametrize("change", NON_CANONICAL.values(), ids=NON_CANONICAL)
async def test_a_non_canonical_row_is_read_by_python_until_it_is_repaired(tmp_path, change: str):
    file, column = tmp_path / "registry.db", change.partition(" ")[0]
    query = f"{{ {leaves(CONTEXTS, 'first: 100, filter: {status: {isNull: false}}')} }}"
    non_canonical.fill_canonical(file, seed=1)
    non_canonical.loosen(file)

    async with running(file) as api, running(file, compiled=False) as generic:
        before = await both(api, generic, query)
        oldest = "WHERE rowid = (SELECT min(rowid) FROM contexts)"
        ((kept,),) = await api.rows(f"SELECT {column} FROM contexts {oldest}")
        await api.put(f"UPDATE contexts SET {change} {oldest}")
        during = await both(api, generic, query)
        await api.put(f"UPDATE contexts SET {column} = :kept {oldest}", kept=kept)
        after = await both(api, generic, query)

    assert before[0] == before[1] == after[0] == after[1]
    assert during[0].partition(b',"errors"')[0] == during[1].partition(b',"errors"')[0]
    assert (b'"errors"' in during[0]) == (b'"errors"' in during[1])


async def test_only_pages_of_scalars_with_the_cursors_columns_come_as_json_text(tmp_path):
    pages = {
        "{ nodes { name status __typename } pageInfo { hasNextPage } totalCount }": True,
        "{ nodes { name } pageInfo { endCursor } }": False,
        "{ nodes { chittyId createdAt } pageInfo { endCursor } }": True,
        "{ nodes { id } }": False,
        "{ nodes { tools } }": False,
        "{ nodes { name owner { status } } }": False,
        "{ nodes { name } again: nodes { status } }": False,
        "{ nodes { name } edges { cursor } }": False,
    }

    async with watched(tmp_path / "registry.db") as registry:
        await fill(registry, 3)
        plain = {page: await is_spelled(registry, page) for page in pages}
        await registry.put(Statement("UPDATE contexts SET updated_at = '2026' WHERE name = 'c1'"))
        with_odd_row = [await is_spelled(registry, page) for page in pages]
        await registry.put(Statement("UPDATE contexts SET updated_at = created_at"))
        mended = {page: await is_spelled(registry, page) for page in pages}

    assert plain == mended == pages
    assert not any(with_odd_row)


async def is_spelled(registry: RecordedRegistry, page: str) -> bool:
    async with RecordingContext(db=registry.db, cursor_key=b"key", viewer=OPERATOR) as ctx:
        found = await registry.answered(ctx, f"{{ contexts {page} }}")
    assert found.fallback_reason is None
    return isinstance(found.data["contexts"]["nodes"], orjson.Fragment)


async def test_a_clients_own_names_are_never_taken_for_parts_of_a_statement(tmp_path):
    file = tmp_path / "registry.db"
    non_canonical.fill_canonical(file, seed=2)
    words = ("seen", "listed", "picked", "changeable", "shown", "hidden")
    aliases = [f"{word}_{table.name}" for word in words for table in TABLES]
    asked = " ".join(f"{each}: name" for each in aliases)
    query = f"{{ contexts(first: 3) {{ nodes {{ {asked} }} }} }}"

    async with running(file, max_aliases=30) as api, running(file, compiled=False) as generic:
        found, expected = await both(api, generic, query)

    assert found == expected
    assert [list(node) for node in orjson.loads(found)["data"]["contexts"]["nodes"]] == [
        aliases
    ] * 3
