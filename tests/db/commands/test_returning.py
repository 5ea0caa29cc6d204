"""The rows that a statement returns are those that an engine without RETURNING finds by `Statement.of`."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from db.commands import pending_installations, webhook_deliveries
from db.commands.installation_facts import Fact
from db.commands.pending_installations import ClaimTerm
from db.commands.webhook_deliveries import Delivery, Outcome
from db.program import Program, Statement, rows
from db.security import api_keys
from db.security.api_keys import NewKey
from db.sqlite.database import SQLiteDatabase
from server.demo import registry as demo
from tests.resolvers.test_permissions import POLICY
from tests.support.registries.databases import opened
from tests.support.registries.permissions import codes_of, registry

NOW = "2026-01-01T00:00:00.000Z"
FACTS = {
    "account_id": 7,
    "account_login": "ada",
    "account_type": "User",
    "repository_selection": "all",
}
pytestmark = pytest.mark.files_only(
    "it looks between two statements of a batch, which an engine over HTTP runs as a whole"
)
Check = Callable[[Program[Any]], Program[Any]]


@pytest.fixture
def compared() -> list[str]:
    """The tables whose written rows were found, in the order of the statements."""
    return []


@pytest.fixture
def check(compared: list[str]) -> Check:
    """What runs a Program, and each time that it has written rows, finds them again."""

    def finding(program: Program[Any]) -> Program[Any]:
        batch, results = next(program), []
        for statement in batch:
            (written,) = yield [statement]
            if written and statement.returning:
                select = f"SELECT {statement.returning} FROM {statement.of}"
                (found,) = yield [Statement(select, statement.bind)]
                assert sorted(found, key=repr) == sorted(written, key=repr)
                compared.append(statement.of.split()[0])
            results.append(written)
        try:
            program.send(results)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("a Program that writes has one batch")

    return finding


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SQLiteDatabase]:
    async with opened(tmp_path / "registry.db") as db:
        yield db


async def mutate_through(look: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do every mutation, looking at each Program that writes."""
    async with registry(tmp_path, "admin") as (me, _):
        write = me.service.db.write
        monkeypatch.setattr(
            me.service.db,
            "write",
            lambda program, *more, **named: write(look(program), *more, **named),
        )
        for mutation, inputs, _letters in POLICY:
            assert await codes_of(me, mutation, inputs) == []


async def test_the_rows_that_mutations_return_are_found(
    tmp_path: Path, check: Check, compared: list[str], monkeypatch: pytest.MonkeyPatch
):
    await mutate_through(check, tmp_path, monkeypatch)

    tables = {"actors", "contexts", "installations", "connections"}
    assert {*compared} == tables | {"outgoing_webhooks", "outgoing_deliveries"}
    assert len(compared) > 40


async def test_mutations_that_write_ask_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []

    def noting(program: Program[Any]) -> Program[Any]:
        results = yield (batch := next(program))
        asked.extend(
            statement.sql
            for statement, written, found in zip(batch[1:], results, results[1:], strict=False)
            if statement.explains and written and found
        )
        try:
            program.send(results)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("a Program that writes has one batch")

    await mutate_through(noting, tmp_path, monkeypatch)

    assert asked == []


async def test_the_rows_of_deliveries_and_pending_installations_are_found(
    db: SQLiteDatabase, check: Check, compared: list[str]
):
    facts = [Fact(name, value, at=NOW) for name, value in FACTS.items()]
    facts.append(Fact("installed_at", NOW, at=NOW))
    delivery = Delivery("digest", "of payload", "installation", "1", "created", 7, NOW)

    kept = await db.write(
        check(
            webhook_deliveries.store(delivery, Outcome.APPLIED, facts, claim=ClaimTerm(until=NOW))
        )
    )
    claim = await db.write(check(pending_installations.claim(ClaimTerm())))
    row = await db.write(check(pending_installations.identify(claim, "CHITTY-INSTALL-NEW")))

    assert (kept.outcome, claim.installation_id, row.chitty_id) == (
        Outcome.WAITING,
        7,
        "CHITTY-INSTALL-NEW",
    )
    assert compared == [
        "waiting_installations",
        "webhook_deliveries",
        "waiting_installations",
        "installations",
    ]


async def test_the_rows_of_keys_and_of_the_demonstration_are_found(
    db: SQLiteDatabase, check: Check, compared: list[str], monkeypatch: pytest.MonkeyPatch
):
    write = db.write
    monkeypatch.setattr(db, "write", lambda program, **others: write(check(program), **others))
    await demo.fill(db)
    ((actor,),) = await db.read(
        rows(Statement("SELECT min(chitty_id) FROM actors WHERE status = 'active'"))
    )
    await db.write(api_keys.create(NewKey("key", str(actor), "digest")))
    await db.write(api_keys.revoke("key"))

    assert sorted(compared[:4]) == ["actors", "connections", "contexts", "installations"]
    assert compared[4:] == ["api_keys", "api_keys"]
