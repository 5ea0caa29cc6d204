import asyncio

import pytest

from db.errors import Refused
from db.model.enums import ConnectionType
from resolvers import connections
from tests.support.registries.connections import (
    API,
    FIRST,
    LIVE,
    REF,
    REMOVED,
    SECOND,
    SUSPENDED,
    WORK,
    install,
    open_one,
    registry,
)
from tests.support.registries.mutations import ADA, ask, put, refusal

NOWHERE = "CHITTY-CONTEXT-NOWHERE"
# Put together here, so that no scanner takes it for a real one.
TOKEN = "ghp" + "_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.fixture
async def ctx(tmp_path):
    async with registry(tmp_path) as ctx:
        yield ctx


async def test_an_opened_connection_is_active_and_has_an_id_of_its_own(ctx):
    opened = await connections.open(ctx, {"source": WORK, "target_service": "github"})

    [(stored,)] = await ask(ctx, "SELECT connection_id FROM connections")
    assert opened.connection_id == stored
    assert (opened.source_chitty_id, opened.source_type) == (WORK, "context")
    assert (opened.status, opened.connection_type, opened.config) == ("active", "api", "{}")
    assert (opened.error_count, opened.request_count, opened.last_error) == (0, 0, None)
    assert opened.created_at == opened.updated_at
    assert opened.disconnected_at is None


async def test_an_opened_connection_stores_all_fields_sent(ctx):
    await install(ctx)

    opened = await open_one(
        ctx,
        source=f"did:chitty:{ADA}",
        target_endpoint=API,
        connection_type=ConnectionType.OAUTH,
        credentials_kv_key="kv:connections/ada/github",
        config={"timeout": 5, "name": "ü"},
        installation_id=LIVE,
    )

    assert opened.connection_id == FIRST
    assert (opened.source_chitty_id, opened.source_type) == (ADA, "actor")
    assert (opened.target_endpoint, opened.connection_type) == (API, "oauth")
    assert opened.credentials_kv_key == "kv:connections/ada/github"
    assert opened.config == '{"timeout":5,"name":"ü"}'
    assert opened.installation_id == LIVE


async def test_all_invalid_fields_of_a_new_connection_are_reported_at_once(ctx):
    async with refusal(
        ctx,
        ("INVALID", "connection_id"),
        ("INVALID", "source"),
        ("INVALID", "target_service"),
        ("INVALID", "connection_type"),
        ("INVALID", "target_endpoint"),
        ("INVALID", "credentials_kv_key"),
        ("INVALID", "config"),
        ("INVALID", "installation_id"),
    ):
        await open_one(
            ctx,
            "x",
            source="\0",
            target_service="a b",
            connection_type=None,
            target_endpoint="",
            credentials_kv_key=TOKEN,
            config=[],
            installation_id=2**63,
        )


async def test_all_unmet_preconditions_of_a_connection_are_reported_at_once(ctx):
    await open_one(ctx)
    await open_one(ctx, SECOND, target_endpoint=API)

    async with refusal(
        ctx,
        ("ALREADY_EXISTS", "connection_id"),
        ("ALREADY_EXISTS", "target_service"),
        ("NOT_FOUND", "installation_id"),
    ):
        await open_one(ctx, SECOND, installation_id=99)
    async with refusal(ctx, ("ALREADY_EXISTS", "connection_id"), ("NOT_FOUND", "source")):
        await open_one(ctx, source=NOWHERE)


async def test_an_error_never_repeats_a_secret(ctx):
    with pytest.raises(Refused) as refused:
        await open_one(
            ctx,
            credentials_kv_key=TOKEN,
            target_service=f"{TOKEN} ",
            target_endpoint=f"https://x.example/?token={TOKEN}",
        )

    assert len(refused.value.problems) == 3
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://ada:pw@api.example.com",
        "postgres://ada:pw@db.example.com/x",
        "ada:pw@db.example.com/x",
        "https://",
        "a b",
        "https://[::1",
        "host:port",
        "x" * 2049,
        "https://api.example.com/\x00",
        "https://api.example.com/?api_key=0123456789",
    ],
)
async def test_an_endpoint_with_credentials_or_without_a_host_is_invalid(ctx, endpoint):
    async with refusal(ctx, ("INVALID", "target_endpoint")):
        await open_one(ctx, target_endpoint=endpoint)


@pytest.mark.parametrize(
    "endpoint",
    ["https://api.example.com/v1?x=1", "db.example.com:5432/work", "localhost", "kafka://e:9092"],
)
async def test_an_endpoint_may_be_a_url_or_a_host_with_a_path(ctx, endpoint):
    assert (await open_one(ctx, target_endpoint=endpoint)).target_endpoint == endpoint


async def test_a_second_active_connection_to_the_same_endpoint_fails(ctx):
    await open_one(ctx, target_endpoint=API)

    with pytest.raises(Refused) as refused:
        await open_one(ctx, SECOND, target_endpoint=API)
    await open_one(ctx, SECOND)

    [problem] = refused.value.problems
    assert (problem.code.value, problem.path) == ("ALREADY_EXISTS", ("target_service",))
    assert f"github at {API}" in problem.message


async def test_two_connections_without_an_endpoint_are_duplicates(ctx):
    await open_one(ctx)

    async with refusal(ctx, ("ALREADY_EXISTS", "target_service")):
        await open_one(ctx, SECOND)


async def test_exactly_one_of_sixteen_concurrent_duplicates_is_opened(ctx):
    inputs = {"source": WORK, "target_service": "github"}

    tries = [connections.open(ctx, inputs) for _ in range(16)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 15
    assert await ask(ctx, "SELECT count(*) FROM connections") == [(1,)]


async def test_an_inactive_connection_does_not_block_a_duplicate(ctx):
    await open_one(ctx)
    await connections.disconnect(ctx, REF)

    assert (await open_one(ctx, SECOND)).status == "active"


@pytest.mark.parametrize(
    ("change", "source", "says"),
    [
        ("UPDATE actors SET status = 'suspended'", ADA, "suspended"),
        ("UPDATE actors SET status = 'deleted'", ADA, "deleted"),
        ("UPDATE actors SET status = 'suspended'", WORK, "owner"),
        ("UPDATE actors SET status = 'deleted'", WORK, "owner"),
        ("UPDATE contexts SET status = 'inactive'", WORK, "inactive"),
        ("UPDATE contexts SET status = 'deleted'", WORK, "deleted"),
    ],
)
async def test_an_inactive_source_cannot_open_a_connection(ctx, change, source, says):
    await put(ctx, change)

    with pytest.raises(Refused) as refused:
        await open_one(ctx, source=source)

    [problem] = refused.value.problems
    assert (problem.code.value, problem.path) == ("CONFLICT", ("source",))
    assert says in problem.message
    assert source in problem.message
    assert await ask(ctx, "SELECT * FROM connections") == []


async def test_a_suspended_or_removed_installation_cannot_be_used(ctx):
    await install(ctx)

    for number in (SUSPENDED, REMOVED):
        async with refusal(ctx, ("CONFLICT", "installation_id")):
            await open_one(ctx, installation_id=number)
