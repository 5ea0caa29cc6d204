import pytest

from db.model.enums import ConnectionType
from resolvers import actors, connections, contexts
from tests.support.registries.connections import (
    API,
    FIRST,
    LIVE,
    OTHER,
    REF,
    REMOVED,
    SECOND,
    SUSPENDED,
    WORK,
    install,
    open_one,
    registry,
)
from tests.support.registries.mutations import ADA, EVE, put, refusal, register


@pytest.fixture
async def ctx(tmp_path):
    async with registry(tmp_path) as ctx:
        yield ctx


async def fail(ctx, connection_id=FIRST):
    for _ in range(ctx.policy.failure_threshold):
        inputs = {"connection_id": connection_id, "healthy": False, "error": "no answer"}
        failed = await connections.report_health(ctx, inputs)
    return failed


async def test_an_update_changes_the_fields_sent_and_no_others(ctx):
    before = await open_one(ctx, target_endpoint=API, config={"a": 1}, credentials_kv_key="k")

    after = await connections.update(
        ctx, REF | {"connection_type": ConnectionType.WEBHOOK, "config": {"b": 2}}
    )

    assert (after.connection_type, after.config) == ("webhook", '{"b":2}')
    assert (after.target_endpoint, after.credentials_kv_key) == (API, "k")
    assert after.updated_at > before.updated_at


async def test_null_clears_nullable_fields_and_is_an_error_for_others(ctx):
    await install(ctx)
    await open_one(
        ctx,
        target_endpoint=API,
        config={"a": 1},
        credentials_kv_key="k",
        installation_id=LIVE,
    )
    cleared = dict.fromkeys(["target_endpoint", "config", "credentials_kv_key", "installation_id"])

    after = await connections.update(ctx, REF | cleared)

    assert (after.target_endpoint, after.config) == (None, "{}")
    assert (after.credentials_kv_key, after.installation_id) == (None, None)
    async with refusal(ctx, ("INVALID", "connection_type"), ("INVALID", "active")):
        await connections.update(ctx, REF | {"connection_type": None, "active": None})


async def test_an_update_to_the_present_values_writes_nothing(ctx):
    before = await open_one(ctx, target_endpoint=API)

    assert await connections.update(ctx, REF) == before
    same = REF | {"target_endpoint": API, "active": True, "config": None}
    assert await connections.update(ctx, same) == before


async def test_an_update_fails_if_the_connection_has_changed_since(ctx):
    stale = (await open_one(ctx)).updated_at
    current = (await connections.update(ctx, REF | {"config": {"a": 1}})).updated_at

    for change in (connections.update, connections.disconnect, connections.reconnect):
        async with refusal(ctx, ("CONFLICT", "if_updated_at")):
            await change(ctx, REF | {"if_updated_at": stale})
    after = await connections.disconnect(ctx, REF | {"if_updated_at": current})
    assert after.status == "disconnected"


async def test_an_unknown_connection_is_not_found_whatever_its_id_and_control_characters_are_invalid(
    ctx,
):
    changes = (connections.update, connections.disconnect, connections.reconnect)

    for change in changes:
        for unknown in (FIRST, FIRST.upper().replace("1", "A"), "first", ""):
            async with refusal(ctx, ("NOT_FOUND", "connection_id")):
                await change(ctx, {"connection_id": unknown})
        async with refusal(ctx, ("INVALID", "connection_id")):
            await change(ctx, {"connection_id": "first\n"})


async def test_a_connection_is_switched_off_and_on(ctx):
    await open_one(ctx)

    off = await connections.update(ctx, REF | {"active": False})
    on = await connections.update(ctx, REF | {"active": True})

    assert (off.status, on.status) == ("inactive", "active")


async def test_switching_a_failed_connection_on_clears_its_errors(ctx):
    await open_one(ctx)
    failed = await fail(ctx)

    after = await connections.update(ctx, REF | {"active": True})

    assert (failed.status, failed.error_count, failed.last_error) == ("failed", 5, "no answer")
    assert (after.status, after.error_count, after.last_error) == ("active", 0, None)


async def test_a_disconnected_connection_is_not_updated(ctx):
    await open_one(ctx)
    await connections.disconnect(ctx, REF)

    async with refusal(ctx, ("CONFLICT", "connection_id")):
        await connections.update(ctx, REF | {"config": {"a": 1}, "active": True})


async def test_no_update_makes_a_second_active_connection(ctx):
    await open_one(ctx)
    await open_one(ctx, SECOND, target_endpoint=API)

    async with refusal(ctx, ("CONFLICT", "target_endpoint")):
        await connections.update(ctx, REF | {"target_endpoint": API})
    await connections.update(ctx, REF | {"active": False})
    moved = await connections.update(ctx, REF | {"target_endpoint": API})
    assert (moved.status, moved.target_endpoint) == ("inactive", API)
    async with refusal(ctx, ("CONFLICT", "active")):
        await connections.update(ctx, REF | {"active": True})
    async with refusal(ctx, ("CONFLICT", "active")):
        await connections.update(ctx, REF | {"active": True, "target_endpoint": API})
    elsewhere = REF | {"active": True, "target_endpoint": None}
    assert (await connections.update(ctx, elsewhere)).status == "active"


async def test_switching_on_requires_an_active_source(ctx):
    await open_one(ctx)
    await connections.update(ctx, REF | {"active": False})
    await actors.suspend(ctx, {"chitty_id": ADA})

    async with refusal(ctx, ("CONFLICT", "active")):
        await connections.update(ctx, REF | {"active": True})
    after = await connections.update(ctx, REF | {"config": {"a": 1}})
    assert after.config == '{"a":1}'


async def test_an_installation_can_be_changed_only_to_a_usable_one(ctx):
    await install(ctx)
    await open_one(ctx, installation_id=LIVE)

    for number, code in ((SUSPENDED, "CONFLICT"), (REMOVED, "CONFLICT"), (99, "NOT_FOUND")):
        async with refusal(ctx, (code, "installation_id")):
            await connections.update(ctx, REF | {"installation_id": number})


async def test_an_installation_that_was_suspended_since_can_stay(ctx):
    await install(ctx)
    await open_one(ctx, installation_id=LIVE)
    await put(ctx, "UPDATE installations SET suspended_at = installed_at")

    after = await connections.update(ctx, REF | {"installation_id": LIVE, "config": {"a": 1}})

    assert (after.installation_id, after.config) == (LIVE, '{"a":1}')


async def test_disconnecting_twice_changes_nothing_the_second_time(ctx):
    before = await open_one(ctx)

    once = await connections.disconnect(ctx, REF)

    assert once.status == "disconnected"
    assert once.disconnected_at is not None
    assert once.updated_at > before.updated_at
    assert await connections.disconnect(ctx, REF) == once


@pytest.mark.parametrize("state", ["disconnected", "inactive", "failed"])
async def test_a_reconnected_connection_starts_without_errors(ctx, state):
    await open_one(ctx)
    await put(
        ctx,
        "UPDATE connections SET status = :state, error_count = 9, last_error = 'no answer',"
        " disconnected_at = CASE :state WHEN 'disconnected' THEN created_at END",
        state=state,
    )

    after = await connections.reconnect(ctx, REF)

    assert (after.status, after.error_count, after.last_error) == ("active", 0, None)
    assert after.disconnected_at is None
    assert await connections.reconnect(ctx, REF) == after


async def test_reconnecting_fails_beside_an_active_duplicate(ctx):
    await open_one(ctx)
    await connections.disconnect(ctx, REF)
    await open_one(ctx, SECOND)

    async with refusal(ctx, ("CONFLICT", "connection_id")):
        await connections.reconnect(ctx, REF)
    await connections.disconnect(ctx, OTHER)
    assert (await connections.reconnect(ctx, REF)).status == "active"


async def test_reconnecting_requires_a_usable_source(ctx):
    await open_one(ctx)
    await contexts.delete(ctx, {"chitty_id": WORK})

    async with refusal(ctx, ("CONFLICT", "connection_id")):
        await connections.reconnect(ctx, REF)


async def test_reconnecting_through_a_removed_installation_fails(ctx):
    await install(ctx)
    await open_one(ctx, installation_id=LIVE)
    await connections.disconnect(ctx, REF)
    await put(ctx, "UPDATE installations SET suspended_at = installed_at")
    assert (await connections.reconnect(ctx, REF)).status == "active"
    await connections.disconnect(ctx, REF)
    await put(ctx, "UPDATE installations SET uninstalled_at = installed_at")

    async with refusal(ctx, ("CONFLICT", "connection_id")):
        await connections.reconnect(ctx, REF)


async def test_reconnecting_an_active_connection_of_a_suspended_actor_changes_nothing(ctx):
    await register(ctx, EVE)
    before = await open_one(ctx, source=EVE)
    await actors.suspend(ctx, {"chitty_id": EVE})

    assert await connections.reconnect(ctx, REF) == before
