import asyncio

import pytest

from db.errors import Refused
from db.model.enums import ActorType
from resolvers import actors, contexts
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


@pytest.fixture
async def ctx(tmp_path):
    async with empty(tmp_path) as ctx:
        yield ctx


async def test_a_registered_actor_is_active_and_has_a_chitty_id_of_its_own(ctx):
    actor = await actors.register(
        ctx, {"actor_type": ActorType.AI, "email": "a@example.org", "capabilities": ["x", "ü"]}
    )

    assert actor.chitty_id.startswith("CHITTY-ACTOR-")
    assert (actor.actor_type, actor.status, actor.session_count) == ("ai", "active", 0)
    assert (actor.email, actor.capabilities) == ("a@example.org", '["x","ü"]')
    assert actor.created_at == actor.updated_at
    assert actor.last_seen_at is None


async def test_a_chitty_id_minted_elsewhere_is_stored_without_its_prefix(ctx):
    actor = await register(ctx, f"did:chitty:{ADA}")

    assert actor.chitty_id == ADA


async def test_all_invalid_fields_are_reported_at_once(ctx):
    async with refusal(
        ctx,
        ("INVALID", "chitty_id"),
        ("INVALID", "email"),
        ("INVALID", "avatar_url"),
        ("INVALID", "capabilities"),
    ):
        await register(
            ctx, "ada", email="ada", avatar_url="ftp://x", capabilities=None, display_name=None
        )


async def test_a_chitty_id_is_unique_across_actors_contexts_and_installations(ctx):
    await register(ctx, ADA)
    await contexts.create(ctx, {"chitty_id": BOB, "name": "work", "owner": ADA})

    for taken in (ADA, BOB):
        async with refusal(ctx, ("ALREADY_EXISTS", "chitty_id")):
            await register(ctx, taken)


async def test_two_actors_cannot_have_the_same_principal(ctx):
    await register(ctx, ADA, chitty_auth_principal_id="p-1")
    await register(ctx, BOB)

    async with refusal(ctx, ("ALREADY_EXISTS", "chitty_auth_principal_id")):
        await register(ctx, EVE, chitty_auth_principal_id="p-1")
    async with refusal(
        ctx, ("ALREADY_EXISTS", "chitty_id"), ("ALREADY_EXISTS", "chitty_auth_principal_id")
    ):
        await register(ctx, BOB, chitty_auth_principal_id="p-1")
    async with refusal(ctx, ("ALREADY_EXISTS", "chitty_auth_principal_id")):
        await actors.update(ctx, {"chitty_id": BOB, "chitty_auth_principal_id": "p-1"})


async def test_exactly_one_of_many_concurrent_registrations_with_one_id_succeeds(ctx):
    attempts = [register(ctx, ADA, display_name=f"Ada {n}") for n in range(20)]

    outcomes = await asyncio.gather(*attempts, return_exceptions=True)

    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 19
    assert await ask(ctx, "SELECT count(*) FROM actors") == [(1,)]


async def test_an_update_changes_the_fields_sent_and_null_clears(ctx):
    before = await register(ctx, ADA, display_name="Ada", email="a@example.org")

    after = await actors.update(ctx, {"chitty_id": ADA, "email": None, "capabilities": ["x"]})

    assert (after.display_name, after.email, after.capabilities) == ("Ada", None, '["x"]')
    assert after.updated_at > before.updated_at
    assert after.created_at == before.created_at


async def test_an_actor_may_send_its_own_principal_with_another_change(ctx):
    await register(ctx, ADA, chitty_auth_principal_id="p-1")

    inputs = {"chitty_id": ADA, "chitty_auth_principal_id": "p-1", "display_name": "Ada"}
    actor = await actors.update(ctx, inputs)

    assert (actor.display_name, actor.chitty_auth_principal_id) == ("Ada", "p-1")


async def test_an_update_that_changes_nothing_returns_the_row_as_it_is(ctx):
    before = await register(ctx, ADA, display_name="Ada", chitty_auth_principal_id="p-1")

    for same in (
        {},
        {"display_name": "Ada"},
        {"chitty_auth_principal_id": "p-1", "if_updated_at": before.updated_at},
    ):
        assert await actors.update(ctx, {"chitty_id": ADA, **same}) == before


async def test_an_unknown_id_is_not_found_whatever_its_form_and_control_characters_are_invalid(ctx):
    for mutate in (
        actors.update,
        actors.suspend,
        actors.reinstate,
        actors.delete,
        actors.record_seen,
    ):
        for unknown in (ADA, "ada"):
            async with refusal(ctx, ("NOT_FOUND", "chitty_id")):
                await mutate(ctx, {"chitty_id": unknown})
        for invalid in ("", "ada\0"):
            async with refusal(ctx, ("INVALID", "chitty_id")):
                await mutate(ctx, {"chitty_id": invalid})


async def test_an_update_fails_if_the_row_has_changed_since(ctx):
    actor = await register(ctx, ADA)
    newer = await actors.update(ctx, {"chitty_id": ADA, "display_name": "Ada"})

    stale = {"chitty_id": ADA, "if_updated_at": actor.updated_at}
    for mutate in (actors.update, actors.suspend, actors.reinstate, actors.delete):
        async with refusal(ctx, ("CONFLICT", "if_updated_at")):
            await mutate(ctx, stale)
    suspended = await actors.suspend(ctx, stale | {"if_updated_at": newer.updated_at})

    assert suspended.status == "suspended"


@pytest.mark.parametrize("stored", ["2025-10-21 18:52:06", "2025-10-21T20:52:06+02:00"])
async def test_an_instant_stored_by_another_program_is_compared_by_its_meaning(ctx, stored):
    await register(ctx, ADA)
    await put(ctx, "UPDATE actors SET updated_at = :at", at=stored)

    actor = await actors.suspend(
        ctx, {"chitty_id": ADA, "if_updated_at": "2025-10-21T18:52:06.000Z"}
    )

    assert actor.status == "suspended"


async def test_updated_at_grows_even_if_it_is_in_the_future(ctx):
    await register(ctx, ADA)
    future = "2099-01-01T00:00:00.999Z"
    await put(ctx, "UPDATE actors SET updated_at = :at", at=future)

    actor = await actors.suspend(ctx, {"chitty_id": ADA})

    assert actor.updated_at == "2099-01-01T00:00:01.000Z"


async def test_suspending_and_reinstating_twice_changes_nothing_the_second_time(ctx):
    await register(ctx, ADA)
    ref = {"chitty_id": ADA}

    suspended = await actors.suspend(ctx, ref)
    assert await actors.suspend(ctx, ref) == suspended
    active = await actors.reinstate(ctx, ref)
    assert await actors.reinstate(ctx, ref) == active

    assert (suspended.status, active.status) == ("suspended", "active")


async def test_a_deleted_actor_must_be_reinstated_before_anything_else(ctx):
    await register(ctx, ADA)
    ref = {"chitty_id": ADA}
    deleted = await actors.delete(ctx, ref)

    for mutate in (actors.update, actors.suspend, actors.record_seen):
        async with refusal(ctx, ("CONFLICT", "chitty_id")):
            await mutate(ctx, ref)
    assert await actors.delete(ctx, ref) == deleted

    assert (await actors.reinstate(ctx, ref)).status == "active"


async def test_deleting_an_actor_disconnects_its_own_open_connections_only(ctx):
    await register(ctx, ADA)
    await register(ctx, BOB)
    await connect(ctx, ADA, "actor", 1)
    await connect(ctx, ADA, "actor", 2, status="failed")
    await connect(ctx, ADA, "actor", 3, status="disconnected")
    await connect(ctx, BOB, "actor", 4)

    actor = await actors.delete(ctx, {"chitty_id": ADA})

    first, failed, ended, other = await connections(ctx)
    status, disconnected_at, updated_at = first
    assert first == failed
    assert status == "disconnected"
    assert disconnected_at == updated_at >= actor.created_at
    assert ended == ("disconnected", None, OLD)
    assert other == ("active", None, OLD)


async def test_an_actor_that_owns_contexts_is_in_use_and_the_message_says_how_many(ctx):
    await register(ctx, ADA)
    await connect(ctx, ADA, "actor", 1)
    for name in ("one", "two", "gone"):
        await contexts.create(ctx, {"name": name, "owner": ADA})
    ((gone,),) = await ask(ctx, "SELECT chitty_id FROM contexts WHERE name = 'gone'")
    await contexts.delete(ctx, {"chitty_id": gone})

    async with refusal(ctx, ("IN_USE", "chitty_id")):
        await actors.delete(ctx, {"chitty_id": ADA})
    with pytest.raises(Refused, match=r"owns contexts, 2 not .* transferContextsTo"):
        await actors.delete(ctx, {"chitty_id": ADA})


async def test_deleting_an_actor_can_transfer_its_contexts(ctx):
    await register(ctx, ADA)
    await register(ctx, BOB)
    before = await contexts.create(ctx, {"name": "work", "owner": ADA})

    actor = await actors.delete(ctx, {"chitty_id": ADA, "transfer_contexts_to": BOB})

    ((owner, updated_at),) = await ask(ctx, "SELECT owner_chitty_id, updated_at FROM contexts")
    assert actor.status == "deleted"
    assert owner == BOB
    assert updated_at > before.updated_at


async def test_contexts_are_transferred_only_to_another_known_and_active_actor(ctx):
    await register(ctx, ADA)
    await register(ctx, BOB)
    await connect(ctx, ADA, "actor", 1)
    await contexts.create(ctx, {"name": "work", "owner": ADA})
    await actors.suspend(ctx, {"chitty_id": BOB})

    expected = {ADA: "INVALID", EVE: "NOT_FOUND", BOB: "CONFLICT", "x": "NOT_FOUND", "": "INVALID"}
    for heir, code in expected.items():
        async with refusal(ctx, (code, "transfer_contexts_to")):
            await actors.delete(ctx, {"chitty_id": ADA, "transfer_contexts_to": heir})


@pytest.mark.not_on("d1", "integers beyond 2^53 are nothing that D1 can express")
async def test_recording_an_actor_as_seen_counts_sessions_and_never_goes_back_in_time(ctx):
    await register(ctx, ADA)
    ref = {"chitty_id": ADA}

    first = await actors.record_seen(ctx, ref)
    second = await actors.record_seen(ctx, ref | {"new_session": True})
    later = "UPDATE actors SET last_seen_at = :at, session_count = :most"
    await put(ctx, later, at="2099-01-01 00:00:00", most=2**63 - 1)
    third = await actors.record_seen(ctx, ref | {"new_session": True})

    assert (first.session_count, second.session_count) == (0, 1)
    assert first.last_seen_at is not None
    assert (second.last_seen_at or "") >= first.last_seen_at
    assert third.session_count == 2**63 - 1
    assert third.last_seen_at == "2099-01-01T00:00:00.000Z"


async def test_a_suspended_actor_can_be_recorded_as_seen_and_new_session_must_not_be_null(ctx):
    await register(ctx, ADA)
    await actors.suspend(ctx, {"chitty_id": ADA})

    assert (await actors.record_seen(ctx, {"chitty_id": ADA})).last_seen_at is not None
    async with refusal(ctx, ("INVALID", "new_session")):
        await actors.record_seen(ctx, {"chitty_id": ADA, "new_session": None})
