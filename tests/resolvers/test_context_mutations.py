import asyncio
from typing import Any

import pytest

from db.errors import Refused
from db.model.tables import Context
from resolvers import actors, contexts
from resolvers.operation_context import OperationContext
from tests.support.registries.mutations import (
    ADA,
    BOB,
    EVE,
    OLD,
    ask,
    connect,
    connections,
    empty,
    put,
    refusal,
    register,
)

WORK, PLAY = "CHITTY-CONTEXT-WORK", "CHITTY-CONTEXT-PLAY"
REF = {"chitty_id": WORK}


@pytest.fixture
async def ctx(tmp_path):
    async with empty(tmp_path) as ctx:
        await register(ctx, ADA)
        yield ctx


async def create(
    ctx: OperationContext,
    chitty_id: str | None = WORK,
    name: str = "work",
    owner: str = ADA,
    **more: Any,
) -> Context:
    return await contexts.create(
        ctx, {"chitty_id": chitty_id, "name": name, "owner": owner, **more}
    )


async def test_a_created_context_is_active_and_has_a_chitty_id_of_its_own(ctx):
    context = await contexts.create(ctx, {"name": "work", "owner": ADA, "tools": ["git", "ü"]})

    assert context.chitty_id.startswith("CHITTY-CONTEXT-")
    assert (context.name, context.owner_chitty_id, context.status) == ("work", ADA, "active")
    assert (context.data, context.systems, context.tools) == ("[]", "[]", '["git","ü"]')
    assert context.created_at == context.updated_at
    assert context.deleted_at is None


async def test_all_invalid_fields_are_reported_at_once(ctx):
    async with refusal(
        ctx,
        ("INVALID", "chitty_id"),
        ("INVALID", "name"),
        ("INVALID", "owner"),
        ("INVALID", "chitty_dna_id"),
        ("INVALID", "data"),
        ("INVALID", "tools"),
    ):
        await create(
            ctx, "x", name="", owner="ada\0", chitty_dna_id="x", data=None, tools=["a", "a"]
        )


async def test_all_unmet_preconditions_of_a_context_are_reported_at_once(ctx):
    await create(ctx)

    async with refusal(
        ctx, ("ALREADY_EXISTS", "chitty_id"), ("ALREADY_EXISTS", "name"), ("NOT_FOUND", "owner")
    ):
        await create(ctx, owner=EVE)


async def test_a_context_cannot_have_an_actors_chitty_id(ctx):
    async with refusal(ctx, ("ALREADY_EXISTS", "chitty_id")):
        await create(ctx, ADA)


async def test_a_suspended_or_deleted_actor_cannot_receive_contexts(ctx):
    await register(ctx, BOB)
    await register(ctx, EVE)
    await create(ctx)
    await actors.suspend(ctx, {"chitty_id": BOB})
    await actors.delete(ctx, {"chitty_id": EVE})

    for owner in (BOB, EVE):
        async with refusal(ctx, ("CONFLICT", "owner")):
            await create(ctx, PLAY, name="play", owner=owner)
        async with refusal(ctx, ("CONFLICT", "new_owner")):
            await contexts.transfer(ctx, REF | {"new_owner": owner})


async def test_exactly_one_of_many_concurrent_contexts_with_one_name_is_created(ctx):
    attempts = [create(ctx, None) for _ in range(20)]

    outcomes = await asyncio.gather(*attempts, return_exceptions=True)

    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 19
    assert await ask(ctx, "SELECT count(*) FROM contexts") == [(1,)]


async def test_a_name_stays_taken_after_its_context_is_deleted(ctx):
    await create(ctx)
    await create(ctx, PLAY, name="play")
    await contexts.delete(ctx, REF)

    async with refusal(ctx, ("ALREADY_EXISTS", "name")):
        await create(ctx, None)
    async with refusal(ctx, ("ALREADY_EXISTS", "name")):
        await contexts.update(ctx, {"chitty_id": PLAY, "name": "work"})


async def test_an_update_changes_the_fields_sent_and_null_clears(ctx):
    before = await create(ctx, data=["a"], chitty_dna_id="CHITTY-DNA-X")

    after = await contexts.update(
        ctx, REF | {"name": "new", "tools": ["git"], "chitty_dna_id": None, "active": False}
    )
    again = await contexts.update(ctx, REF | {"active": True})

    assert (after.name, after.data, after.tools) == ("new", '["a"]', '["git"]')
    assert (after.chitty_dna_id, after.status) == (None, "inactive")
    assert before.updated_at < after.updated_at < again.updated_at
    assert again.status == "active"


async def test_a_context_may_send_its_own_name_with_another_change(ctx):
    await create(ctx)

    context = await contexts.update(ctx, REF | {"name": "work", "data": ["a"]})

    assert (context.name, context.data) == ("work", '["a"]')


async def test_null_is_an_error_for_fields_that_are_not_nullable(ctx):
    await create(ctx)

    async with refusal(ctx, ("INVALID", "data"), ("INVALID", "name"), ("INVALID", "active")):
        await contexts.update(ctx, REF | {"data": None, "name": None, "active": None})


async def test_an_update_that_changes_nothing_returns_the_row_as_it_is(ctx):
    before = await create(ctx, data=["a"])

    for same in ({}, {"name": "work"}, {"data": ["a"], "active": True}):
        assert await contexts.update(ctx, REF | same) == before


async def test_an_unknown_id_is_not_found_whatever_its_form_and_control_characters_are_invalid(ctx):
    for mutate, more in (
        (contexts.update, {}),
        (contexts.transfer, {"new_owner": ADA}),
        (contexts.delete, {}),
        (contexts.restore, {}),
    ):
        async with refusal(ctx, ("NOT_FOUND", "chitty_id")):
            await mutate(ctx, REF | more)
        async with refusal(ctx, ("NOT_FOUND", "chitty_id")):
            await mutate(ctx, {"chitty_id": "work", **more})
        async with refusal(ctx, ("INVALID", "chitty_id")):
            await mutate(ctx, {"chitty_id": "work\n", **more})


async def test_an_update_fails_if_the_row_has_changed_since(ctx):
    await register(ctx, BOB)
    old = await create(ctx)
    await connect(ctx, WORK, "context", 1)
    new = await contexts.update(ctx, REF | {"name": "new"})

    stale = REF | {"if_updated_at": old.updated_at}
    for mutate, more in (
        (contexts.update, {"name": "newer"}),
        (contexts.transfer, {"new_owner": BOB}),
        (contexts.delete, {}),
        (contexts.restore, {}),
    ):
        async with refusal(ctx, ("CONFLICT", "if_updated_at")):
            await mutate(ctx, stale | more)
    deleted = await contexts.delete(ctx, REF | {"if_updated_at": new.updated_at})

    assert deleted.status == "deleted"


async def test_a_context_is_transferred_to_an_active_actor(ctx):
    await register(ctx, BOB)
    before = await create(ctx)

    after = await contexts.transfer(ctx, REF | {"new_owner": BOB})

    assert after.owner_chitty_id == BOB
    assert after.updated_at > before.updated_at
    assert await contexts.transfer(ctx, REF | {"new_owner": BOB}) == after
    async with refusal(ctx, ("NOT_FOUND", "new_owner")):
        await contexts.transfer(ctx, REF | {"new_owner": EVE})


async def test_deleting_a_context_disconnects_its_connections(ctx):
    await create(ctx)
    await create(ctx, PLAY, name="play")
    await connect(ctx, WORK, "context", 1)
    await connect(ctx, WORK, "context", 2, status="inactive")
    await connect(ctx, WORK, "context", 3, status="disconnected")
    await connect(ctx, PLAY, "context", 4)

    context = await contexts.delete(ctx, REF)

    gone = ("disconnected", context.deleted_at, context.deleted_at)
    assert context.status == "deleted"
    assert await connections(ctx) == [
        gone,
        gone,
        ("disconnected", None, OLD),
        ("active", None, OLD),
    ]
    assert await contexts.delete(ctx, REF) == context


async def test_a_restored_context_is_active_and_its_connections_stay_disconnected(ctx):
    await create(ctx)
    await connect(ctx, WORK, "context", 1)
    await contexts.delete(ctx, REF)

    async with refusal(ctx, ("CONFLICT", "chitty_id")):
        await contexts.update(ctx, REF | {"name": "new"})
    context = await contexts.restore(ctx, REF)

    assert (context.status, context.deleted_at) == ("active", None)
    assert [status for status, _, _ in await connections(ctx)] == ["disconnected"]
    assert await contexts.restore(ctx, REF) == context


async def test_a_context_whose_owner_is_deleted_is_restored_after_a_transfer(ctx):
    await register(ctx, BOB)
    await create(ctx)
    await contexts.delete(ctx, REF)
    await actors.delete(ctx, {"chitty_id": ADA})

    async with refusal(ctx, ("CONFLICT", "chitty_id")):
        await contexts.restore(ctx, REF)
    handed = await contexts.transfer(ctx, REF | {"new_owner": BOB})
    restored = await contexts.restore(ctx, REF)

    assert handed.status == "deleted"
    assert (restored.status, restored.owner_chitty_id) == ("active", BOB)


async def test_a_context_of_a_suspended_owner_can_be_restored(ctx):
    await create(ctx)
    await contexts.delete(ctx, REF)
    await actors.suspend(ctx, {"chitty_id": ADA})

    assert (await contexts.restore(ctx, REF)).status == "active"


async def test_an_instant_stored_by_another_program_is_compared_by_its_meaning(ctx):
    await create(ctx)
    await put(ctx, "UPDATE contexts SET updated_at = :at", at="2025-10-21 18:52:06")

    context = await contexts.delete(ctx, REF | {"if_updated_at": "2025-10-21T18:52:06.000Z"})

    assert context.status == "deleted"
