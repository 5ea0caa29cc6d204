import pytest

from db.model.enums import ConnectionType
from resolvers import actors, connections, contexts
from tests.support.connections import (
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
from tests.support.mutations import ADA, EVE, put, refusal, register


@pytest.fixture
async def scope(tmp_path):
    async with registry(tmp_path) as scope:
        yield scope


async def fail(scope, connection_id=FIRST):
    for _ in range(scope.settings.failure_threshold):
        given = {"connection_id": connection_id, "healthy": False, "error": "no answer"}
        failed = await connections.report_health(scope, given)
    return failed


async def test_an_update_changes_what_is_given_and_leaves_the_rest(scope):
    before = await open_one(scope, target_endpoint=API, config={"a": 1}, credentials_kv_key="k")

    after = await connections.update(
        scope, REF | {"connection_type": ConnectionType.WEBHOOK, "config": {"b": 2}}
    )

    assert (after.connection_type, after.config) == ("webhook", '{"b":2}')
    assert (after.target_endpoint, after.credentials_kv_key) == (API, "k")
    assert after.updated_at > before.updated_at


async def test_null_clears_what_may_be_empty_and_is_refused_elsewhere(scope):
    await install(scope)
    await open_one(
        scope,
        target_endpoint=API,
        config={"a": 1},
        credentials_kv_key="k",
        installation_id=LIVE,
    )
    cleared = dict.fromkeys(["target_endpoint", "config", "credentials_kv_key", "installation_id"])

    after = await connections.update(scope, REF | cleared)

    assert (after.target_endpoint, after.config) == (None, "{}")
    assert (after.credentials_kv_key, after.installation_id) == (None, None)
    async with refusal(scope, ("INVALID", "connection_type"), ("INVALID", "active")):
        await connections.update(scope, REF | {"connection_type": None, "active": None})


async def test_an_update_to_what_is_already_so_writes_nothing(scope):
    before = await open_one(scope, target_endpoint=API)

    assert await connections.update(scope, REF) == before
    same = REF | {"target_endpoint": API, "active": True, "config": None}
    assert await connections.update(scope, same) == before


async def test_a_stale_change_is_refused(scope):
    stale = (await open_one(scope)).updated_at
    current = (await connections.update(scope, REF | {"config": {"a": 1}})).updated_at

    for change in (connections.update, connections.disconnect, connections.reconnect):
        async with refusal(scope, ("CONFLICT", "if_updated_at")):
            await change(scope, REF | {"if_updated_at": stale})
    after = await connections.disconnect(scope, REF | {"if_updated_at": current})
    assert after.status == "disconnected"


async def test_an_unknown_connection_is_not_found_and_a_malformed_id_is_invalid(scope):
    changes = (connections.update, connections.disconnect, connections.reconnect)

    for change in changes:
        async with refusal(scope, ("NOT_FOUND", "connection_id")):
            await change(scope, REF)
        async with refusal(scope, ("INVALID", "connection_id")):
            await change(scope, {"connection_id": FIRST.upper().replace("1", "A")})


async def test_a_connection_is_switched_off_and_on(scope):
    await open_one(scope)

    off = await connections.update(scope, REF | {"active": False})
    on = await connections.update(scope, REF | {"active": True})

    assert (off.status, on.status) == ("inactive", "active")


async def test_switching_a_failed_connection_on_forgets_its_errors(scope):
    await open_one(scope)
    failed = await fail(scope)

    after = await connections.update(scope, REF | {"active": True})

    assert (failed.status, failed.error_count, failed.last_error) == ("failed", 5, "no answer")
    assert (after.status, after.error_count, after.last_error) == ("active", 0, None)


async def test_a_disconnected_connection_is_not_updated(scope):
    await open_one(scope)
    await connections.disconnect(scope, REF)

    async with refusal(scope, ("CONFLICT", "connection_id")):
        await connections.update(scope, REF | {"config": {"a": 1}, "active": True})


async def test_no_update_makes_a_second_active_connection(scope):
    await open_one(scope)
    await open_one(scope, SECOND, target_endpoint=API)

    async with refusal(scope, ("CONFLICT", "target_endpoint")):
        await connections.update(scope, REF | {"target_endpoint": API})
    await connections.update(scope, REF | {"active": False})
    moved = await connections.update(scope, REF | {"target_endpoint": API})
    assert (moved.status, moved.target_endpoint) == ("inactive", API)
    async with refusal(scope, ("CONFLICT", "active")):
        await connections.update(scope, REF | {"active": True})
    async with refusal(scope, ("CONFLICT", "active")):
        await connections.update(scope, REF | {"active": True, "target_endpoint": API})
    elsewhere = REF | {"active": True, "target_endpoint": None}
    assert (await connections.update(scope, elsewhere)).status == "active"


async def test_switching_on_needs_a_source_that_may_open_things(scope):
    await open_one(scope)
    await connections.update(scope, REF | {"active": False})
    await actors.suspend(scope, {"chitty_id": ADA})

    async with refusal(scope, ("CONFLICT", "active")):
        await connections.update(scope, REF | {"active": True})
    after = await connections.update(scope, REF | {"config": {"a": 1}})
    assert after.config == '{"a":1}'


async def test_an_installation_is_changed_only_to_one_that_carries_things(scope):
    await install(scope)
    await open_one(scope, installation_id=LIVE)

    for number, code in ((SUSPENDED, "CONFLICT"), (REMOVED, "CONFLICT"), (99, "NOT_FOUND")):
        async with refusal(scope, (code, "installation_id")):
            await connections.update(scope, REF | {"installation_id": number})


async def test_an_installation_that_was_suspended_since_stays(scope):
    await install(scope)
    await open_one(scope, installation_id=LIVE)
    await put(scope, "UPDATE installations SET suspended_at = installed_at")

    after = await connections.update(scope, REF | {"installation_id": LIVE, "config": {"a": 1}})

    assert (after.installation_id, after.config) == (LIVE, '{"a":1}')


async def test_disconnecting_twice_changes_nothing_the_second_time(scope):
    before = await open_one(scope)

    once = await connections.disconnect(scope, REF)

    assert once.status == "disconnected"
    assert once.disconnected_at is not None
    assert once.updated_at > before.updated_at
    assert await connections.disconnect(scope, REF) == once


@pytest.mark.parametrize("state", ["disconnected", "inactive", "failed"])
async def test_a_reconnected_connection_starts_anew(scope, state):
    await open_one(scope)
    await put(
        scope,
        "UPDATE connections SET status = :state, error_count = 9, last_error = 'no answer',"
        " disconnected_at = CASE :state WHEN 'disconnected' THEN created_at END",
        state=state,
    )

    after = await connections.reconnect(scope, REF)

    assert (after.status, after.error_count, after.last_error) == ("active", 0, None)
    assert after.disconnected_at is None
    assert await connections.reconnect(scope, REF) == after


async def test_reconnecting_beside_an_active_twin_is_refused(scope):
    await open_one(scope)
    await connections.disconnect(scope, REF)
    await open_one(scope, SECOND)

    async with refusal(scope, ("CONFLICT", "connection_id")):
        await connections.reconnect(scope, REF)
    await connections.disconnect(scope, OTHER)
    assert (await connections.reconnect(scope, REF)).status == "active"


async def test_reconnecting_needs_a_usable_source(scope):
    await open_one(scope)
    await contexts.delete(scope, {"chitty_id": WORK})

    async with refusal(scope, ("CONFLICT", "connection_id")):
        await connections.reconnect(scope, REF)


async def test_reconnecting_through_a_removed_installation_is_refused(scope):
    await install(scope)
    await open_one(scope, installation_id=LIVE)
    await connections.disconnect(scope, REF)
    await put(scope, "UPDATE installations SET suspended_at = installed_at")
    assert (await connections.reconnect(scope, REF)).status == "active"
    await connections.disconnect(scope, REF)
    await put(scope, "UPDATE installations SET uninstalled_at = installed_at")

    async with refusal(scope, ("CONFLICT", "connection_id")):
        await connections.reconnect(scope, REF)


async def test_an_active_connection_of_a_suspended_actor_reconnects_as_it_is(scope):
    await register(scope, EVE)
    before = await open_one(scope, source=EVE)
    await actors.suspend(scope, {"chitty_id": EVE})

    assert await connections.reconnect(scope, REF) == before
