"""What is written over HTTP is written once, also when answers or requests are lost on the way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from db.attribution import Attribution
from db.commands import actors
from db.consistency import NOW
from db.errors import (
    EngineError,
    ErrorCode,
    OutcomeUnknown,
    Overloaded,
    PartlyApplied,
    Refused,
    Unavailable,
)
from db.model.tables import Actor
from db.program import Program, Rows, Statement, rows
from db.remote import applied_writes, statements
from db.remote.applied_writes import Attempt
from db.remote.database import RemoteDatabase
from db.remote.statements import Sent
from db.remote.transport import Bound
from db.remote.writer import RemoteWriter
from db.security.row_security import UNRESTRICTED
from tests.support.registries.databases import registry_at
from tests.support.services.sqlite_transport import (
    LIMITS,
    Engine,
    SQLiteTransport,
    remote_database,
)

ADA = {"chitty_id": "CHITTY-ACTOR-ADA", "actor_type": "human"}
BY_ADA = Attribution("registerActor", ADA["chitty_id"], "r1")


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An empty registry on an engine over HTTP."""
    async with remote_database(tmp_path / "registry.db") as opened:
        yield opened


async def ask(db: RemoteDatabase, sql: str) -> Rows:
    return await db.read(rows(Statement(sql)))


async def outcomes(*writes: Awaitable[Any]) -> list[Any]:
    """The result of each write that is done at the same time as the others, or its error."""
    return await asyncio.gather(*writes, return_exceptions=True)


async def register(db: RemoteDatabase, **more: Any) -> Actor:
    return await db.write(actors.insert({**ADA, **more}), attribution=BY_ADA)


def named(number: int) -> Mapping[str, Any]:
    return {"chitty_id": f"CHITTY-ACTOR-{number}", "actor_type": "human"}


def failing() -> Program[None]:
    """A statement that no constraint lets pass."""
    yield [Statement("INSERT INTO actors (chitty_id, actor_type) VALUES ('x', 'robot')")]


async def test_a_write_returns_the_row_that_it_wrote(engine):
    db, _ = engine

    ada = await register(db, display_name="Ada")

    assert (ada.chitty_id, ada.display_name) == ("CHITTY-ACTOR-ADA", "Ada")
    assert await ask(db, "SELECT actor, cause, request_id FROM changes") == [
        ("CHITTY-ACTOR-ADA", "registerActor", "r1")
    ]
    assert await ask(db, "SELECT * FROM writing") == []


def test_each_statement_is_sent_with_the_values_that_it_uses():
    batch = next(actors.insert(ADA))

    sent = statements.to_write(
        Sent(), batch, UNRESTRICTED, Attempt.new(), 0, has_returning=False
    ).batch

    inserting, returning, *_ = sent
    assert {"chitty_id", "display_name", "created_at"} <= inserting.bind.keys()
    assert returning.bind == {"chitty_id": ADA["chitty_id"]}
    for each in sent:
        assert all(f":{name}" in each.sql for name in each.bind)


async def test_a_refused_write_writes_nothing(engine):
    db, _ = engine
    await register(db)

    with pytest.raises(Refused, match="CHITTY-ACTOR-ADA"):
        await register(db, display_name="another")

    assert await ask(db, "SELECT display_name FROM actors") == [(None,)]


@pytest.mark.parametrize(("answers", "requests"), [(1, 0), (0, 1), (1, 2), (0, 3)])
async def test_a_write_whose_answers_or_requests_are_lost_is_applied_once(
    engine, answers, requests
):
    db, transport = engine
    transport.lost_answers, transport.lost_requests = answers, requests

    ada = await register(db, display_name="Ada")

    assert ada.display_name == "Ada"
    assert await ask(db, "SELECT count(*) FROM changes") == [(1,)]
    assert await ask(db, "SELECT count(*) FROM applied_writes") == [(1,)]


async def test_a_group_whose_answer_is_lost_gives_each_its_own(engine):
    db, transport = engine
    await register(db)
    transport.lost_answers = 1

    first, taken, second = await outcomes(
        db.write(actors.insert(named(1)), attribution=BY_ADA),
        register(db),
        db.write(actors.insert(named(2))),
    )

    assert isinstance(first, Actor)
    assert isinstance(second, Actor)
    assert (first.chitty_id, second.chitty_id) == ("CHITTY-ACTOR-1", "CHITTY-ACTOR-2")
    assert isinstance(taken, Refused)
    assert [problem.code for problem in taken.problems] == [ErrorCode.ALREADY_EXISTS]


async def test_what_others_write_meanwhile_does_not_refuse_a_write_that_was_applied(engine):
    db, transport = engine
    transport.lost_answers = 1

    async def suspend() -> None:
        transport.before_read = None
        suspended = (
            "UPDATE actors SET status = 'suspended', updated_at = '2030-01-01T00:00:00.000Z'"
        )
        await transport.send(
            [Bound(suspended, {})],
            write=True,
            at=NOW,
            seconds=1,
        )

    transport.before_read = suspend  # before the answer is read again

    ada = await register(db)

    assert ada.status == "suspended"


async def test_a_write_whose_every_request_is_lost_may_have_been_applied(tmp_path):
    registry_at(tmp_path / "registry.db")
    transport = SQLiteTransport(tmp_path / "registry.db")
    transport.lost_requests = 10**9
    hasty = RemoteWriter(transport, lambda *_: None, wait_seconds=60.0, write_seconds=0.5)

    with pytest.raises(OutcomeUnknown, match="may have been applied"):
        await hasty.write(actors.insert(ADA), UNRESTRICTED, "", None)

    await hasty.close()
    await transport.close()


async def test_a_write_that_no_machine_took_says_so(engine):
    db, transport = engine
    transport.has_leader = False

    with pytest.raises(Unavailable, match="no leader") as refused:
        await register(db)

    assert not isinstance(refused.value, OutcomeUnknown)


async def test_a_write_that_was_lost_before_the_leader_was_may_have_been_applied(engine):
    db, transport = engine
    transport.lost_requests = 1
    sent = transport.send

    async def until_lost(*args: Any, **options: Any) -> list[Rows]:
        try:
            rows_of: list[Rows] = await sent(*args, **options)
            return rows_of
        finally:
            transport.has_leader = False

    transport.send = until_lost

    with pytest.raises(OutcomeUnknown):
        await register(db)


async def test_writes_that_may_be_applied_yet_are_not_sent_as_others(engine):
    db, transport = engine
    transport.lost_requests = 1

    failures = await outcomes(db.write(actors.insert(named(1))), db.write(failing()))

    assert [type(each) for each in failures] == [OutcomeUnknown, OutcomeUnknown]
    assert await ask(db, "SELECT count(*) FROM actors") == [(0,)]


async def test_a_batch_of_which_a_part_was_stored_is_not_taken_for_an_applied_one(engine):
    db, transport = engine
    tries = 0

    async def run_in_part(*args: Any, **options: Any) -> list[Rows]:
        nonlocal tries
        tries += 1
        raise PartlyApplied("a statement did not compile")

    sent, transport.send = transport.send, run_in_part

    with pytest.raises(PartlyApplied):
        await register(db)

    transport.send = sent
    assert tries == 1


async def test_one_statement_that_fails_keeps_no_other_write_from_being_stored(engine):
    db, _ = engine

    first, failed, second = await outcomes(
        db.write(actors.insert(named(1))),
        db.write(failing()),
        db.write(actors.insert(named(2))),
    )

    assert isinstance(first, Actor)
    assert isinstance(second, Actor)
    assert isinstance(failed, EngineError)
    assert await ask(db, "SELECT count(*) FROM actors") == [(2,)]


async def test_writes_that_wait_share_a_request(engine):
    db, transport = engine

    await asyncio.gather(*(db.write(actors.insert(named(number))) for number in range(300)))

    assert await ask(db, "SELECT count(*) FROM actors") == [(300,)]
    assert len([write for write, _ in transport.sent if write]) <= 5
    assert sum(count * of for of, count in db.statistics().groups.items()) == 300


async def test_no_request_is_larger_than_the_engine_takes(engine, monkeypatch):
    db, transport = engine
    monkeypatch.setattr(transport, "limits", replace(LIMITS, batch_statements=40))
    largest = 0
    sent = transport.send

    async def measured(batch: Any, **options: Any) -> list[Rows]:
        nonlocal largest
        largest = max(largest, len(batch))
        rows_of: list[Rows] = await sent(batch, **options)
        return rows_of

    transport.send = measured

    await asyncio.gather(*(db.write(actors.insert(named(number))) for number in range(30)))

    assert await ask(db, "SELECT count(*) FROM actors") == [(30,)]
    assert 6 < largest <= 40


async def test_too_many_writes_that_wait_are_refused_of_whoever_has_most(engine, monkeypatch):
    db, _ = engine
    monkeypatch.setattr(db._writer._queue, "_most", 3)

    results = await outcomes(
        *(db.write(actors.insert(named(number)), share="a") for number in range(4)),
        db.write(actors.insert(named(9)), share="b"),
    )

    assert [type(each) for each in results] == [Actor, Actor, Overloaded, Overloaded, Actor]
    assert db.statistics().writes_refused == {"queue_full": 2}


async def test_a_write_that_is_cancelled_before_it_is_sent_is_not_sent(engine):
    db, _ = engine
    first = asyncio.ensure_future(db.write(actors.insert(named(1))))
    second = asyncio.ensure_future(db.write(actors.insert(named(2))))
    await asyncio.sleep(0)

    second.cancel()
    await first
    with suppress(asyncio.CancelledError):
        await second

    assert await ask(db, "SELECT chitty_id FROM actors") == [("CHITTY-ACTOR-1",)]


async def test_a_database_that_closes_finishes_the_writes_that_wait(tmp_path):
    registry_at(tmp_path / "registry.db")
    transport = SQLiteTransport(tmp_path / "registry.db")
    db = RemoteDatabase(transport, wait_seconds=60.0)
    writes = [asyncio.ensure_future(db.write(actors.insert(named(n)))) for n in range(200)]
    await asyncio.sleep(0)

    await db.close()

    assert len(await asyncio.gather(*writes)) == 200
    with pytest.raises(Unavailable, match="shutting down"):
        await db.write(actors.insert(named(1)))


async def test_the_record_of_writes_keeps_an_hour_and_the_last(engine, monkeypatch):
    db, _ = engine
    monkeypatch.setattr(applied_writes, "REMOVE_EVERY", 10)
    for number in range(5):
        await db.write(actors.insert(named(number)))
    await db.write(rows(Statement("UPDATE applied_writes SET at = '2020-01-01T00:00:00.000Z'")))

    for number in range(10, 16):
        await db.write(actors.insert(named(number)))

    # The tenth batch removed those that were old, that of the update included.
    assert await ask(db, "SELECT min(number), max(number) FROM applied_writes") == [(7, 12)]
    assert await db.mark() == 12
