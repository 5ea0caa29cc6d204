"""A stored value that cannot be read is named, one that a repair would know is served, and the rest stays.

Both executions give the same bytes.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.corpus import non_canonical
from tests.support.registries.databases import new_registry
from tests.support.registries.transfers import ACTOR, CONNECTION, CONTEXT, INSTALLATION
from tests.support.services.api import Api, running
from tests.support.services.protected_service import protected_api

AT = "2026-01-01T00:00:00.000Z"
LATER = "2026-02-02T00:00:00.000Z"
ROWS: dict[str, dict[str, Any]] = {
    "actors": ACTOR,
    "installations": INSTALLATION,
    "contexts": CONTEXT,
    "connections": CONNECTION,
}
pytestmark = pytest.mark.files_only(
    "its tables have no constraints, which only those of an adopted file may lack"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A registry of one row of each table, whose columns may hold anything."""
    file = new_registry(tmp_path / "registry.db")
    non_canonical.loosen(file)
    for table, row in ROWS.items():
        times = ("installed_at" if table == "installations" else "created_at", "updated_at")
        values = dict.fromkeys(times, AT) | row
        del values["type"]
        names = ", ".join(values)
        marks = ", ".join("?" for _ in values)
        put(file, f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values())
    return file


def put(path: Path, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql, values)
        connection.commit()


@contextmanager
def holding(path: Path, table: str, column: str, value: Any) -> Iterator[None]:
    """The column of the table's only row has this value inside."""
    with closing(sqlite3.connect(path)) as connection:
        before = connection.execute(f"SELECT {column} FROM {table}").fetchone()
    put(path, f"UPDATE {table} SET {column} = ?", value)
    yield
    put(path, f"UPDATE {table} SET {column} = ?", *before)


@pytest.fixture
async def executions(path: Path) -> AsyncIterator[list[Api]]:
    """The registry, served by compiled and by generic execution."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(running(path, compiled=compiled))
            for compiled in (True, False)
        ]


async def answer_of_both(executions: list[Api], query: str) -> Any:
    sent = {"query": query}
    bodies = [(await api.client.post("/graphql", json=sent)).content for api in executions]
    assert bodies[0] == bodies[1]
    return bodies[0].decode()


KEYS = {
    "actors": repr(ACTOR["chitty_id"]),
    "installations": "7",
    "contexts": repr(CONTEXT["chitty_id"]),
    "connections": repr(CONNECTION["connection_id"]),
}
NAMED = [
    ("contexts", "status", "archived", "status", "the stored value is no ContextStatus"),
    ("contexts", "name", b"x", "name", "the stored value is not a text"),
    ("contexts", "created_at", "yesterday", "createdAt", "the stored value is not an instant"),
    ("contexts", "data", '["a"', "data", "is not JSON at character 5: expecting ',' delimiter"),
    ("contexts", "tools", "[1]", "tools", "the stored value is not a list of strings"),
    ("contexts", "owner_chitty_id", "x", "owner { id }", "the stored reference leads nowhere"),
    ("contexts", "owner_chitty_id", b"x", "owner { id }", "is neither text nor a number"),
    ("connections", "source_type", "team", "source { __typename }", "leads nowhere"),
    ("connections", "config", '{"a":1e400}', "config", "has the number 1e400, which is too large"),
    ("connections", "config", f'{{"a":{"9" * 400}}}', "config", "of 400 digits, which needs more"),
    ("connections", "config", '{"a":NaN}', "config", "has NaN, which is not JSON"),
    ("connections", "config", '{"a":"\\ud83e"}', "config", "has half a surrogate pair"),
    (
        "connections",
        "config",
        '{"a":' * 65 + "1" + "}" * 65,
        "config",
        "the stored value nests more than 64 levels deep",
    ),
    ("connections", "config", "[]", "config", "the stored value is not a JSON object"),
    ("installations", "permissions", '{"a":1}', "permissions { name }", "access level is not text"),
    ("installations", "account_id", "many", "accountId", "the stored value is not a whole number"),
    ("actors", "session_count", 1.5, "sessionCount", "the stored value is not a whole number"),
]


async def test_a_value_that_cannot_be_read_is_named_by_its_table_key_and_column(
    path: Path, executions
):
    errors = {}
    for case in NAMED:
        table, column, stored, selection, _ = case
        with holding(path, table, column, stored):
            query = f"{{ {table} {{ nodes {{ {selection} }} }} }}"
            (errors[case],) = json.loads(await answer_of_both(executions, query))["errors"]

    for (table, column, _, _, problem), error in errors.items():
        assert error["message"].startswith(f"{table} {KEYS[table]}: {column}: ")
        assert problem in error["message"]
        assert error["extensions"]["code"] == "UNREADABLE"


async def test_a_cursor_of_a_value_that_is_no_text_is_named_by_its_row(path: Path, executions):
    put(path, "UPDATE actors SET display_name = x'fe00'")

    answer = await answer_of_both(
        executions,
        "{ actors(orderBy: [{ field: DISPLAY_NAME }]) { pageInfo { endCursor } edges { cursor } } }",
    )

    for error in json.loads(answer)["errors"]:
        assert error["message"].startswith(f"actors {KEYS['actors']}: the stored value that")


ENDED = dict.fromkeys(ROWS, "status: {}") | {"installations": "uninstalledAt: {}"}
SERVED = [
    ("contexts", "status", " Inactive", "status", '"INACTIVE"'),
    ("contexts", "status", None, "status", '"ACTIVE"'),
    ("contexts", "created_at", None, "createdAt", f'"{LATER}"'),
    ("contexts", "created_at", 1767225600, "createdAt", f'"{AT}"'),
    ("contexts", "deleted_at", "", "deletedAt", "null"),
    ("contexts", "name", None, "name", f'"{CONTEXT["chitty_id"]}"'),
    ("contexts", "name", 7, "name", '"7"'),
    ("actors", "actor_type", "HUMAN", "actorType", '"HUMAN"'),
    ("actors", "actor_type", None, "actorType", '"SYSTEM"'),
    ("installations", "account_type", "user", "accountType", '"USER"'),
    ("installations", "account_id", "70", "accountId", '"70"'),
    ("connections", "request_count", 3.0, "requestCount", '"3"'),
    ("connections", "config", '{"a":12345678901234567890}', "config", '{"a":12345678901234567890}'),
    (
        "connections",
        "config",
        f'{{"a":[{{"b":-{"9" * 308}}}],"c":1.50,"a\\u0000":2,"c":"\\ud83e\\udd8a"}}',
        "config",
        f'{{"a":[{{"b":-{"9" * 308}}}],"c":"🦊","a\\u0000":2}}',
    ),
]


async def test_what_a_repair_would_store_without_a_loss_is_served(path: Path, executions):
    for table in ROWS:
        put(path, f"UPDATE {table} SET updated_at = ?", LATER)

    answers = {}
    for case in SERVED:
        table, column, stored, field, _ = case
        with holding(path, table, column, stored):
            query = f"{{ {table}(filter: {{ {ENDED[table]} }}) {{ nodes {{ {field} }} }} }}"
            answers[case] = await answer_of_both(executions, query)

    for (_, _, _, field, shown), answer in answers.items():
        assert f'{{"nodes":[{{"{field}":{shown}}}]}}' in answer
        assert '"errors"' not in answer


async def test_a_null_that_nothing_in_the_row_replaces_is_an_error(path: Path, executions):
    put(path, "UPDATE contexts SET created_at = NULL, updated_at = NULL")

    answer = await answer_of_both(executions, "{ contexts { nodes { createdAt } } }")

    assert f"contexts {KEYS['contexts']}: created_at: the stored value is not" in answer


async def test_a_nullable_field_that_cannot_be_read_leaves_the_rest_of_a_page(
    path: Path, executions
):
    for number in range(99):
        put(
            path,
            "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at) VALUES (?, 'ai', ?, ?)",
            f"CHITTY-ACTOR-{number}",
            AT,
            AT,
        )
    put(path, "UPDATE actors SET last_seen_at = 'long ago' WHERE chitty_id = 'CHITTY-ACTOR-50'")

    answer = json.loads(
        await answer_of_both(
            executions, "{ actors(first: 100) { nodes { chittyId actorType lastSeenAt } } }"
        )
    )

    nodes = answer["data"]["actors"]["nodes"]
    assert len({node["chittyId"] for node in nodes}) == 100
    assert [error["message"] for error in answer["errors"]] == [
        "actors 'CHITTY-ACTOR-50': last_seen_at: the stored value is not an instant"
    ]


async def test_a_mutation_returns_a_number_of_any_size_as_it_is_stored(path: Path, executions):
    put(path, "UPDATE connections SET config = ?", '{"a":123456789012345678901}')
    query = (
        f'mutation {{ reportConnectionHealth(input: {{ connectionId: "{CONNECTION["connection_id"]}",'
        " healthy: true }) { connection { config } errors { message } } }"
    )

    for api in executions:
        answer = await api.client.post("/graphql", json={"query": query})
        assert '{"connection":{"config":{"a":123456789012345678901}},"errors":[]}' in answer.text


async def test_a_viewer_learns_no_key_of_a_row_that_it_may_not_see(tmp_path: Path):
    for compiled in (True, False):
        async with protected_api(tmp_path / f"{compiled}.db", compiled=compiled) as api:
            ada, key = await api.newcomer("Ada")
            bob = await api.actor("Bob")
            for owner, name in ((ada, "mine"), (bob, "hidden")):
                await api.put(
                    "INSERT INTO contexts (chitty_id, name, owner_chitty_id, data, created_at, updated_at)"
                    f" VALUES ('CHITTY-{name}', '{name}', '{owner}', '[1]', '{AT}', '{AT}')"
                )
            for number, source in (("c1", "CHITTY-hidden"), ("c2", ada)):
                await api.put(
                    "INSERT INTO connections (connection_id, source_chitty_id, source_type,"
                    f" target_service, config, created_at, updated_at) VALUES ('{number}', '{source}',"
                    f""" 'actor', 'x', '{{"a":1e999}}', '{AT}', '{AT}')"""
                )
            await api.put("UPDATE actors SET capabilities = '[1]', display_name = x'ff'")
            answers = [
                (await api.show(f"Bearer {key}", query=query)).text
                for query in (
                    "{ contexts { nodes { data } } }",
                    "{ contexts { nodes { owner { displayName capabilities } } } }",
                    '{ context(chittyId: "CHITTY-hidden") { data owner { id } } }',
                    "{ connections { nodes { config source { __typename } } } }",
                    "{ actors { nodes { displayName capabilities } } }",
                )
            ]

        assert "contexts 'CHITTY-mine': data: " in answers[0]
        assert "connections 'c2': config: " in answers[3]
        assert not [answer for answer in answers if "hidden" in answer or "'c1'" in answer]
