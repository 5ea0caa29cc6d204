"""What is kept of a mutation under an Idempotency-Key, statement by statement, on every kind of engine."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from db.commands import kept_answers
from db.commands.kept_answers import IS_CLAIMED, AlreadyAnswered, Claim, NothingWritten
from db.errors import IdempotencyKeyReused, Refused
from db.model.tables import ACTORS, CONTEXTS, TABLES, Table
from db.program import Batch, Program, Rows, Statement, rows
from db.security.revalidation import Authorization
from db.security.row_security import ALL, UNRESTRICTED, Extent, RowSecurity, returned
from db.sqlite.database import SQLiteDatabase
from tests.db.security.test_revalidation import WRITES
from tests.resolvers.test_permissions import POLICY
from tests.support.corpus import non_canonical
from tests.support.registries.databases import opened
from tests.support.registries.permissions import ME, MINE, ROOT, registry
from tests.support.requests.idempotent_requests import everything, is_repeatable, request_of, send
from tests.support.services.api import Api

CLAIM = Claim("ada", "key", "request", "field", "attempt", "[]")
# All mutations that an admin may do but those that end its own rights.
DONE = [
    (mutation, given)
    for mutation, given, _ in POLICY
    if is_repeatable(mutation) and given.get("chittyId") != ME
]
REFUSED = [
    ("updateContext", {"chittyId": "CHITTY-CONTEXT-NONE", "name": "x"}),
    ("createContext", {"name": "x", "owner": "CHITTY-ACTOR-NONE"}),
    ("suspendInstallation", {"installationId": "77"}),
]


OLDER = f"""
    WITH RECURSIVE number (n) AS (
        SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n <= 2 * {kept_answers.REMOVED_AT_ONCE}
    )
    INSERT INTO idempotent_answers (
        viewer, key_sha256, field_sha256, request_sha256, attempt, kept_at, capabilities, answer
    )
    SELECT viewer, n, 'f', 'r', 'a', '2019-01-01T00:00:00.000Z', capabilities, answer
    FROM idempotent_answers, number
"""


class OverHTTP:
    """A database's `write` as an engine that is reached over HTTP does it.

    It sends the whole batch at once, knows no RETURNING, and commits before any row is looked at. It may send
    the batch again, since the answer was lost, or die before another is sent.
    """

    def __init__(self, api: Api, *, times: int = 1, dies: bool = False) -> None:
        self.times = times
        self.dies = dies
        self.batches: list[Batch] = []
        self._write = api.service.db.write
        api.service.db.write = self.write  # type: ignore[method-assign]

    async def write(
        self, program: Program[Any], security: RowSecurity = UNRESTRICTED, **more: Any
    ) -> Any:
        if security is UNRESTRICTED:  # the server's own
            return await self._write(program, **more)
        batch = next(program)
        self.batches.append(batch)
        for _ in range(self.times):
            results = await self._write(_sent(batch), security, **more)
        if self.dies:
            raise ConnectionError("killed")
        try:
            program.send(results)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("a Program that writes has one batch")


def _sent(batch: Batch) -> Program[list[Rows]]:
    sent, asked = [], []
    for statement in batch:
        sent.append(Statement(statement.sql, statement.bind))
        asked.append(len(sent) - 1)
        if statement.returning:
            found = f"SELECT {statement.returning} FROM {statement.of} AND changes() > 0"
            sent.append(Statement(found, statement.bind))
            asked[-1] += 1
    results = yield sent
    return [results[place] for place in asked]


@pytest.mark.parametrize("times", [1, 2])
async def test_an_engine_over_http_answers_once_as_sqlite_does(tmp_path: Path, times: int):
    async with registry(tmp_path, "admin") as (me, _):
        engine = OverHTTP(me, times=times)
        for number, (mutation, given) in enumerate([*DONE, *REFUSED]):
            request, key = request_of(mutation, given), f"{number}"
            done = await send(me, request, key)
            before = await everything(me)
            engine.batches.clear()

            again = await send(me, request, key)

            ((_, payload),) = json.loads(done.body)["data"].items()
            assert (mutation, payload["errors"] == []) == (mutation, (mutation, given) in DONE)
            assert again == done
            assert engine.batches == []
            assert await everything(me) == before


async def test_every_writing_statement_needs_the_claim(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, _):
        engine = OverHTTP(me)
        for number, (mutation, given) in enumerate(DONE):
            engine.batches.clear()
            await send(me, request_of(mutation, given), f"{number}")
            writing = [
                statement.sql
                for statement in engine.batches[0]
                if (found := WRITES.search(statement.sql)) and found[2] != "idempotent_answers"
            ]

            assert writing, mutation
            assert [sql for sql in writing if IS_CLAIMED not in sql] == []


async def test_what_was_neither_written_nor_answered_leaves_its_key_to_the_next_request(
    tmp_path: Path,
):
    refused = request_of("updateContext", {"chittyId": "CHITTY-CONTEXT-NONE", "name": "x"})
    async with registry(tmp_path, "admin") as (me, _):
        engine = OverHTTP(me, dies=True)
        dead = await send(me, refused, "one")
        engine.dies = False
        other = await send(me, request_of("createContext", {"name": "a", "owner": ME}), "one")

    assert json.loads(dead.body)["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert json.loads(other.body)["data"]["createContext"]["errors"] == []


async def test_what_changes_no_row_but_facts_of_it_is_written_once(tmp_path: Path):
    facts = "SELECT aspect, at, receipt FROM installation_facts ORDER BY 1"
    ((_, given),) = [each for each in DONE if each[1].get("installationId") == "3"]
    request = request_of("recordInstallation", given)
    async with registry(tmp_path, "admin") as (me, _):
        await me.client.answer(request)
        found = [await me.rows(facts)]
        answers = []
        for _ in range(2):
            answers.append(await send(me, request, "one"))
            found.append(await me.rows(facts))

    assert answers[0] == answers[1]
    assert found[0] != found[1]
    assert found[1] == found[2]


async def test_a_key_that_is_free_again_has_nothing_of_its_last_request(tmp_path: Path):
    disconnecting, refused = (
        {"query": f"mutation {{ it: {mutation} {{ errors {{ code }} }} }}"}
        for mutation in (
            f'deleteContext(input: {{ chittyId: "{MINE}" }})',
            'updateContext(input: { chittyId: "CHITTY-CONTEXT-NONE", name: "x" })',
        )
    )
    async with registry(tmp_path, "admin") as (me, _):
        await send(me, disconnecting, "one")
        await me.put("UPDATE idempotent_answers SET kept_at = '2020-01-01T00:00:00.000Z'")
        await me.put(OLDER)  # which are removed first
        done = await send(me, refused, "one")
        again = await send(me, refused, "one")
        is_kept = "SELECT 1 FROM idempotent_answers WHERE answer LIKE '%NOT_FOUND%'"
        kept = await me.rows(is_kept)

    assert json.loads(done.body)["data"]["it"]["errors"] == [{"code": "NOT_FOUND"}]
    assert (again, kept) == (done, [(1,)])


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SQLiteDatabase]:
    """A registry of anything that other programs may have stored."""
    non_canonical.fill(tmp_path / "registry.db", 7)
    async with opened(tmp_path / "registry.db") as db:
        yield db


def text(value: object) -> str:
    """Its repr, without the sign of zero, which SQLite loses in JSON."""
    return repr(value).replace("-0.0", "0.0")


async def viewer_with(db: SQLiteDatabase, extent: Extent) -> RowSecurity:
    """An actor of the registry with these rights; the server itself, if they are all there are."""
    if extent == UNRESTRICTED.extent:
        return UNRESTRICTED
    of_actor = (
        "SELECT chitty_id, capabilities FROM actors WHERE status = 'active' ORDER BY chitty_id"
    )
    (actor, capabilities), *_ = await db.read(rows(Statement(of_actor)))
    return RowSecurity(str(actor), extent, Authorization(str(capabilities)))


def touching(table: Table[Any], rowid: int) -> Callable[[], Program[Any]]:
    """Programs that write a row as it is."""
    of = f"{table.name} WHERE {table.name}.rowid = {rowid}"
    sql = f"UPDATE {table.name} SET {table.key} = {table.key} WHERE rowid = {rowid} AND still_authorized()"

    def program() -> Program[Any]:
        (written,) = yield [Statement(sql, returning=returned(table), of=of)]
        return table.of(written[0])

    return program


@pytest.mark.files_only(
    "its rows hold what only tables without constraints take, which only an adopted file has"
)
@pytest.mark.parametrize("extent", [UNRESTRICTED.extent, Extent(ALL, frozenset(), ALL)])
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_any_stored_row_is_repeated_as_it_was_shown(
    db: SQLiteDatabase, table: Table[Any], extent: Extent
):
    security, count = await viewer_with(db, extent), 0
    for (rowid,) in await db.read(rows(Statement(f"SELECT rowid FROM {table.name}"))):
        claim = replace(CLAIM, key=str(rowid))
        program = touching(table, int(str(rowid)))
        shown = await db.write(kept_answers.once(program(), claim), security)

        with pytest.raises(AlreadyAnswered) as before:
            await db.write(kept_answers.once(program(), claim), security)
        outcome = kept_answers.read(before.value.kept.answer)
        assert isinstance(outcome, tuple)
        repeated = await db.read(kept_answers.still_seen(*outcome), security)

        assert text(repeated) == text([shown])
        count += 1
    assert count > 50


@pytest.mark.parametrize("other", [{"request": "another"}, {"request": "another", "field": "b"}])
async def test_another_request_writes_nothing_on_an_engine_over_http(
    db: SQLiteDatabase, other: dict[str, str]
):
    await db.write(kept_answers.once(touching(ACTORS, 1)(), CLAIM))
    claim = replace(CLAIM, attempt="another", **other)
    batch = next(kept_answers.once(touching(ACTORS, 2)(), claim))
    kept = "SELECT * FROM idempotent_answers"
    before = await db.read(rows(Statement(kept)))

    results = await db.write(_sent(batch))

    assert results[2] == []
    assert await db.read(rows(Statement(kept))) == before


async def test_rights_that_were_lost_meanwhile_count_when_an_answer_is_repeated(
    db: SQLiteDatabase,
):
    security = await viewer_with(db, Extent(ALL, frozenset(), ALL))
    (row,) = await db.read(rows(Statement("SELECT * FROM contexts LIMIT 1")))
    values = dict(zip(CONTEXTS.columns, row, strict=True))

    async def found() -> tuple[bool, bool]:
        seen = await db.read(kept_answers.still_seen(CONTEXTS, [values]), security)
        return seen is not None, await db.read(kept_answers.still_authorized(), security)

    before = await found()
    suspend = f"UPDATE actors SET status = 'suspended' WHERE chitty_id = '{security.viewer}'"
    await db.write(rows(Statement(suspend)))

    assert (before, await found()) == ((True, True), (False, False))


@pytest.mark.files_only(
    "its rows hold what only tables without constraints take, which only an adopted file has"
)
async def test_a_row_that_was_left_as_it_is_is_kept_as_it_was_found(db: SQLiteDatabase):
    for table in TABLES:
        names = ", ".join(table.columns)
        for values in await db.read(rows(Statement(f"SELECT {names} FROM {table.name}"))):
            row = table.of(values)
            outcome = kept_answers.read(kept_answers.of_row(table, row))
            assert isinstance(outcome, tuple)

            assert repr(outcome) == repr((table, [dict(zip(table.columns, values, strict=True))]))


async def test_an_erased_answer_is_not_repeated_and_its_request_not_carried_out(tmp_path: Path):
    own, other = (request_of("createContext", {"name": name, "owner": ROOT}) for name in "ab")
    naming = request_of("updateActor", {"chittyId": ME, "displayName": "Ada"})
    async with registry(tmp_path, "admin") as (me, root):
        await send(me, own, "one")
        await send(root, naming, "one")
        untouched = await send(root, other, "two")
        await me.put(kept_answers.ERASE, actor=ME, erased=kept_answers.ERASED)
        left = await me.rows(
            "SELECT count(*) FROM idempotent_answers WHERE instr(answer, :me)", me=ME
        )
        before = await everything(me)

        again = [await send(me, own, "one"), await send(root, naming, "one")]

        for answer in again:
            ((_, payload),) = json.loads(answer.body)["data"].items()
            assert [error["code"] for error in payload["errors"]] == ["FORBIDDEN"]
        assert await send(root, other, "two") == untouched
        assert (left, await everything(me)) == ([(0,)], before)


async def test_the_quicker_of_two_answers_to_a_request_that_wrote_nothing_stays(tmp_path: Path):
    async with opened(tmp_path / "registry.db") as db:
        slower = replace(CLAIM, attempt="slower")
        await db.write(kept_answers.keep(kept_answers.of_refusal([]), CLAIM))

        with pytest.raises(AlreadyAnswered):
            await db.write(kept_answers.keep("slower", slower))
        with pytest.raises(IdempotencyKeyReused):
            await db.write(kept_answers.keep("other", replace(slower, request="another")))
        with pytest.raises(IdempotencyKeyReused):
            await db.write(
                kept_answers.keep("other", replace(slower, request="another", field="another"))
            )

        assert await db.read(kept_answers.count()) == 1


@pytest.mark.not_on("rqlite", "it explains no statement that writes where it reads")
@pytest.mark.parametrize(
    ("sql", "index"),
    [
        (kept_answers.FIND, "sqlite_autoindex_idempotent_answers_1 (viewer=? AND key_sha256=?)"),
        (kept_answers.CLAIM, "sqlite_autoindex_idempotent_answers_1 (viewer=? AND key_sha256=?)"),
        (
            kept_answers.CLAIM,
            "COVERING INDEX idempotent_answers_of_viewer (viewer=? AND kept_at>?)",
        ),
        (kept_answers.REMOVE_OLD, "COVERING INDEX idempotent_answers_by_age (kept_at<?)"),
    ],
)
async def test_keys_limits_and_old_answers_are_found_by_indexes(
    tmp_path: Path, sql: str, index: str
):
    async with opened(tmp_path / "registry.db") as db:
        plan = await db.read(rows(Statement(f"EXPLAIN QUERY PLAN {sql}", CLAIM.bind())))

    assert index in str(plan)
    assert "SCAN idempotent_answers" not in str(plan)


@pytest.mark.files_only(
    "a file takes back what a refused batch wrote; an engine over HTTP has committed its claim"
)
async def test_a_program_that_is_refused_keeps_nothing_in_its_own_transaction(tmp_path: Path):
    def refused() -> Program[None]:
        sql = "UPDATE actors SET status = 'active' WHERE FALSE AND still_authorized()"
        yield [Statement(sql, returning="actors.chitty_id", of="actors WHERE FALSE")]
        raise Refused([])

    async with opened(tmp_path / "registry.db") as db:
        with pytest.raises(NothingWritten) as nothing:
            await db.write(kept_answers.once(refused(), CLAIM))

        assert isinstance(nothing.value.refused, Refused)
        assert await db.read(kept_answers.count()) == 0
