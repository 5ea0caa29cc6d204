"""Rights that are lost while something of a request is still to come: they are lost for that too."""

import ast
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from db.attribution import Attribution
from db.model.chitty_id import local
from db.model.tables import TABLES
from db.program import Batch, Program, Rows, Statement, Value
from db.security.api_keys import Identity
from db.security.revalidation import STILL_AUTHORIZED
from db.security.row_security import UNRESTRICTED, RowSecurity
from db.sqlite.connection_thread import execute
from resolvers.permissions import viewer_of
from tests.resolvers.test_permissions import POLICY
from tests.support.paths import ROOT as PROJECT
from tests.support.registries.permissions import ME, codes_of, registry
from tests.support.services.api import Api

WRITES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM) (?!SET\b)\s*([\w{.}]+)")
# What only the server itself writes, for nobody.
OF_THE_SERVER = {"webhook_deliveries", "waiting_installations", "idempotent_answers"}
OF_NO_VIEWER = {"bulk.py", "outgoing_deliveries.py"}
LOSSES = {
    "suspended": "UPDATE actors SET status = 'suspended' WHERE chitty_id = :me",
    "deleted": "UPDATE actors SET status = 'deleted' WHERE chitty_id = :me",
    "some capabilities lost": (
        """UPDATE actors SET capabilities = '["registry:write"]' WHERE chitty_id = :me"""
    ),
    "all capabilities lost": "UPDATE actors SET capabilities = '[]' WHERE chitty_id = :me",
    "key revoked": "UPDATE api_keys SET revoked_at = '2026-01-01' WHERE actor_chitty_id = :me",
    "key gone": "UPDATE api_keys SET key_id = 'gone' || key_id WHERE actor_chitty_id = :me",
}
REGAINS = (
    """UPDATE actors SET status = 'active', capabilities = '["admin"]' WHERE chitty_id = :me""",
    "UPDATE api_keys SET revoked_at = NULL, key_id = replace(key_id, 'gone', '')"
    " WHERE actor_chitty_id = :me",
)


async def test_a_key_that_is_revoked_while_its_write_waits_stores_nothing(tmp_path: Path):
    async with registry(tmp_path) as (me, _):

        async def slow_mint(kind: str) -> str:
            await me.put("UPDATE api_keys SET revoked_at = '2026-01-01T00:00:00.000Z'")
            return local(kind)

        me.service.operations.mint = slow_mint
        codes = await codes_of(me, "createContext", {"name": "late", "owner": ME})
        stored = await me.rows("SELECT count(*) FROM contexts WHERE name = 'late'")

    assert (codes, stored) == (["FORBIDDEN"], [(0,)])


async def test_a_suspended_actor_is_refused_at_its_next_request(tmp_path: Path):
    async with registry(tmp_path, "registry:write") as (me, root):
        before = await me.client.post("/graphql", json={"query": "{ __typename }"})
        await codes_of(root, "suspendActor", {"chittyId": ME})
        after = await me.client.post("/graphql", json={"query": "{ __typename }"})

    assert (before.status_code, after.status_code) == (200, 401)


async def test_an_actor_suspended_while_its_request_arrives_is_refused(tmp_path: Path):
    async with registry(tmp_path, "registry:write") as (me, root):

        async def slow_body() -> AsyncIterator[bytes]:
            yield b'{"query": "mutation { reinstateActor('
            await codes_of(root, "suspendActor", {"chittyId": ME})
            yield b'input: { chittyId: \\"%s\\" }) { errors { code } } }"}' % ME.encode()

        answer = await me.client.post(
            "/graphql", content=slow_body(), headers={"content-type": "application/json"}
        )
        stored = await root.rows("SELECT status FROM actors WHERE chitty_id = :me", me=ME)

    assert (answer.status_code, stored) == (401, [("suspended",)])


@pytest.mark.parametrize(
    ("left", "codes"),
    [
        ([], ["FORBIDDEN"]),
        (["registry:write"], ["FORBIDDEN"]),
        (["admin", "registry:write"], []),
    ],
)
async def test_a_capability_given_up_is_missing_in_the_rest_of_the_document(
    left: list[str], codes: list[str], tmp_path: Path
):
    document = """mutation ($me: ChittyID!, $left: [String!]!) {
        before: updateActor(input: { chittyId: $me, capabilities: $left }) { errors { code } }
        after: updateActor(input: { chittyId: $me, capabilities: ["admin"] }) { errors { code } }
    }"""
    async with registry(tmp_path, "admin") as (me, _):
        answer = await me.ask(document, me=ME, left=left)
        stored = await me.rows("SELECT capabilities FROM actors WHERE chitty_id = :me", me=ME)

    assert answer["before"]["errors"] == []
    assert [error["code"] for error in answer["after"]["errors"]] == codes
    assert json.loads(str(stored[0][0])) == (left if codes else ["admin"])


async def test_an_actor_suspended_while_a_chittyid_is_minted_stores_nothing(tmp_path: Path):
    async with registry(tmp_path, "registry:write") as (me, root):

        async def slow_mint(kind: str) -> str:
            await codes_of(root, "suspendActor", {"chittyId": ME})
            return local(kind)

        me.service.operations.mint = slow_mint
        codes = await codes_of(me, "createContext", {"name": "late", "owner": ME})
        stored = await me.rows("SELECT count(*) FROM contexts WHERE name = 'late'")

    assert (codes, stored) == (["FORBIDDEN"], [(0,)])


class Losing:
    """A database's `write`, by which ME loses rights before what it writes; the batches are kept."""

    def __init__(self, me: Api) -> None:
        self.me = me
        self.loss = ""
        self.written: list[tuple[Batch, RowSecurity]] = []
        self._write = me.service.db.write
        me.service.db.write = self.write  # type: ignore[method-assign]

    async def write(
        self,
        program: Program[Any],
        security: RowSecurity = UNRESTRICTED,
        *,
        share: str = "",
        attribution: Attribution | None = None,
    ) -> Any:
        if security.viewer is not None:
            if self.loss:
                await self.me.put(self.loss, me=ME)
            program = self._kept(program, security)
        return await self._write(program, security, share=share, attribution=attribution)

    def _kept(self, program: Program[Any], security: RowSecurity) -> Program[Any]:
        batch = next(program)
        self.written.append((batch, security))
        try:
            while True:
                batch = program.send((yield batch))
        except StopIteration as stop:
            return stop.value

    async def regain(self) -> None:
        for sql in REGAINS:
            await self.me.put(sql, me=ME)

    async def write_again(self, batch: Batch, security: RowSecurity) -> None:
        """What an engine does that commits a batch before anybody has looked at its rows."""

        def program() -> Program[None]:
            yield batch

        await self._write(program(), security)


async def everything(me: Api) -> list[Rows]:
    names = [*(table.name for table in TABLES), "installation_facts", "waiting_installations"]
    return [await me.rows(f"SELECT * FROM {name} ORDER BY 1, 2") for name in names]


async def test_no_mutation_writes_anything_once_the_viewer_has_lost_rights(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, _):
        losing = Losing(me)
        for mutation, given, _letters in POLICY:
            before = await everything(me)
            for name, losing.loss in LOSSES.items():
                losing.written.clear()
                codes = await codes_of(me, mutation, given)
                for batch, security in losing.written:
                    await losing.write_again(batch, security)
                await losing.regain()

                assert (mutation, name, codes) == (mutation, name, ["FORBIDDEN"])
                assert len(losing.written) == 1
                assert await everything(me) == before
            losing.loss = ""
            assert await codes_of(me, mutation, given) == []


async def test_every_writing_statement_of_a_mutation_checks_the_authorization(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, _):
        losing = Losing(me)
        for mutation, given, _letters in POLICY:
            losing.written.clear()
            await codes_of(me, mutation, given)
            writing = [
                statement.sql
                for batch, _ in losing.written
                for statement in batch
                if WRITES.search(statement.sql)
            ]

            assert writing, mutation
            assert [sql for sql in writing if STILL_AUTHORIZED not in sql] == []


def literals(file: Path) -> Iterator[str]:
    """The source of each string, f-string or not, that is not a part of another."""
    text = file.read_text()
    tree = ast.parse(text)
    inner = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if (is_text or isinstance(node, ast.JoinedStr)) and id(node) not in inner:
            yield ast.get_source_segment(text, node) or ""


def test_no_command_has_a_writing_statement_without_the_check():
    files = [
        each for each in (PROJECT / "db/commands").glob("*.py") if each.name not in OF_NO_VIEWER
    ]
    writing = [
        (file.name, sql, found[2])
        for file in files
        for sql in literals(file)
        if (found := WRITES.search(sql))
    ]

    assert len(writing) > 9
    assert [
        (file, sql)
        for file, sql, table in writing
        if table not in OF_THE_SERVER and "STILL_AUTHORIZED" not in sql
    ] == []


TEXTS: tuple[Value, ...] = (
    *("[]", '["admin"]', '["registry:write"]', '["registry:read"]', '["audit:read", "a"]'),
    *('["a", "admin"]', '["a"]', '["A"]', '[ "a" ]', '["\\u0061"]', '["a", "a"]'),
    # What another program may have stored:
    *("", "null", "admin", '"admin"', '{"admin": 1}', '["admin", 1]', '[["admin"]]', '["admin"'),
    *('["\\ud83d\\ude00"]', '["\\ud83d"]', '["😀"]', '["admin"]\0', '["admin"]\0 x', "['admin']"),
    *('["admin",]', '\ufeff["admin"]', '["admin\n"]', "[NaN]", '["admin", 1e999]'),
    *(None, 1, 1.5, b'["admin"]'),
)


@pytest.mark.parametrize("before", TEXTS)
def test_the_statements_read_capabilities_as_requests_do(before: Value):
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE actors (chitty_id, status, capabilities)")
    connection.execute("CREATE TABLE api_keys (key_id, revoked_at)")
    connection.execute("INSERT INTO actors VALUES (:me, 'active', NULL)", {"me": ME})
    viewer = viewer_of(Identity(ME, "active", str(before)))
    assert viewer is not None

    for now in TEXTS:
        connection.execute("UPDATE actors SET capabilities = :now", {"now": now})
        present = viewer_of(Identity(ME, "active", str(now)))
        assert present is not None
        ((found,),) = execute(connection, Statement(f"SELECT {STILL_AUTHORIZED}"), viewer.security)
        # SQL takes pairs of surrogates for halves of characters, unless the text is the same.
        is_unsure = now != before and "\\ud83d\\ude00" in str(now)

        assert bool(found) == (viewer.effective_capabilities <= present.effective_capabilities) or (
            is_unsure and not found
        ), now
