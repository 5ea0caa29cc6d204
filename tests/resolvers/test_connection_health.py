import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from db.errors import Refused
from db.model import instants
from resolvers import connections
from resolvers.operation_context import OperationContext
from resolvers.permissions import OPERATOR
from resolvers.policy import Policy
from resolvers.validation import secrets
from tests.support.registries.databases import opened
from tests.support.registries.mutations import ADA, ask, put, refusal, register

FIRST = "11111111-1111-4111-8111-111111111111"
SECOND = "22222222-2222-4222-8222-222222222222"
UNKNOWN = "99999999-9999-4999-8999-999999999999"
REF = {"connection_id": FIRST}
SICK, WELL = REF | {"healthy": False}, REF | {"healthy": True}
INT_MAX, BIG_INT_MAX = 2**31 - 1, 2**63 - 1


@pytest.fixture
async def ctx(tmp_path):
    policy = Policy(failure_threshold=3)
    async with (
        opened(tmp_path / "registry.db") as db,
        OperationContext(db=db, cursor_key=b"key", viewer=OPERATOR, policy=policy) as ctx,
    ):
        await register(ctx, ADA)
        for connection_id, service in ((FIRST, "github"), (SECOND, "slack")):
            inputs = {"connection_id": connection_id, "source": ADA, "target_service": service}
            await connections.open(ctx, inputs)
        yield ctx


def minutes_from_now(minutes):
    return instants.canonical(datetime.now(UTC) + timedelta(minutes=minutes))


async def test_consecutive_errors_are_counted_until_the_connection_fails(ctx):
    reports = [await connections.report_health(ctx, SICK | {"error": "no"}) for _ in range(4)]

    assert [report.error_count for report in reports] == [1, 2, 3, 4]
    assert [report.status for report in reports] == ["active", "active", "failed", "failed"]
    assert reports[-1].last_error == "no"
    assert reports[-1].last_health_check is not None
    instants = [report.updated_at for report in reports]
    assert instants == sorted(set(instants))


async def test_a_healthy_report_clears_all_errors(ctx):
    for _ in range(3):
        await connections.report_health(ctx, SICK | {"error": "no"})

    well = await connections.report_health(ctx, WELL)

    assert (well.status, well.error_count, well.last_error) == ("active", 0, None)


async def test_concurrent_reports_are_all_counted(ctx):
    await asyncio.gather(*[connections.report_health(ctx, SICK) for _ in range(20)])

    assert await ask(ctx, "SELECT max(error_count) FROM connections") == [(20,)]


async def test_the_error_count_stops_at_the_greatest_int(ctx):
    await put(ctx, f"UPDATE connections SET error_count = {INT_MAX}")

    assert (await connections.report_health(ctx, SICK)).error_count == INT_MAX


async def test_an_unhealthy_report_without_an_error_keeps_the_last_error(ctx):
    await connections.report_health(ctx, SICK | {"error": "no answer"})

    assert (await connections.report_health(ctx, SICK)).last_error == "no answer"


async def test_an_error_is_stored_shortened_and_without_secrets(ctx):
    token = "ghp" + "_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    error = f"401 for {token}\n" + "x" * 5000

    kept = (await connections.report_health(ctx, SICK | {"error": error})).last_error or ""

    assert token not in kept
    assert kept.startswith("401 for ")
    assert len(kept) == 2000


@pytest.mark.parametrize("before", range(9_960, 10_001, 4))
async def test_a_long_error_is_searched_at_its_start_and_keeps_no_half_of_a_secret(ctx, before):
    key = "-----BEGIN PRIVATE KEY-----" + "MII" * 3_300 + "-----END PRIVATE KEY-----"
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY"
    error = (key + " ").ljust(before, ".") + secret + "." * 80_000

    kept = (await connections.report_health(ctx, SICK | {"error": error})).last_error or ""

    assert kept.startswith("[redacted] ")
    assert secret[:8] not in kept
    assert "MII" not in kept


async def test_only_the_start_of_a_long_error_is_searched_for_secrets(ctx, monkeypatch):
    searched, redact = [], secrets.redact

    def recording(text: str) -> str:
        searched.append(len(text))
        return redact(text)

    monkeypatch.setattr(secrets, "redact", recording)

    await connections.report_health(ctx, SICK | {"error": "no answer. " * 9_000})

    assert searched == [10_000]


async def test_a_long_error_that_ends_with_a_secret_says_so(ctx):
    error = "key: -----BEGIN PRIVATE KEY-----" + "MII" * 30_000

    kept = (await connections.report_health(ctx, SICK | {"error": error})).last_error

    assert kept == "key: [redacted]"


async def test_a_healthy_report_with_an_error_and_one_from_the_future_are_invalid(ctx):
    async with refusal(ctx, ("INVALID", "error"), ("INVALID", "checked_at")):
        await connections.report_health(
            ctx, WELL | {"error": "no", "checked_at": minutes_from_now(6)}
        )
    async with refusal(ctx, ("INVALID", "connection_id"), ("INVALID", "healthy")):
        await connections.report_health(ctx, {"connection_id": "\0", "healthy": None})


async def test_a_report_older_than_the_last_is_refused(ctx):
    noon, later = "2026-03-01T12:00:00.000Z", "2026-03-01T12:00:01.000Z"
    await connections.report_health(ctx, SICK | {"checked_at": later})

    async with refusal(ctx, ("CONFLICT", "checked_at")):
        await connections.report_health(ctx, WELL | {"checked_at": noon})
    again = await connections.report_health(ctx, WELL | {"checked_at": later})
    assert (again.last_health_check, again.error_count) == (later, 0)


async def test_an_instant_in_another_programs_format_is_compared_correctly(ctx):
    await put(ctx, "UPDATE connections SET last_health_check = '2026-03-01 12:00:00'")

    async with refusal(ctx, ("CONFLICT", "checked_at")):
        await connections.report_health(ctx, WELL | {"checked_at": "2026-03-01T11:00:00.000Z"})
    inputs = WELL | {"checked_at": "2026-03-01T13:00:00.000Z"}
    after = await connections.report_health(ctx, inputs)
    assert after.last_health_check == "2026-03-01T13:00:00.000Z"


async def test_a_report_without_an_instant_follows_one_from_a_fast_clock(ctx):
    ahead = minutes_from_now(4)
    await connections.report_health(ctx, SICK | {"checked_at": ahead})

    assert (await connections.report_health(ctx, WELL)).last_health_check == ahead


async def test_a_disconnected_connection_has_no_health(ctx):
    await connections.disconnect(ctx, REF)

    for report in (SICK, WELL):
        async with refusal(ctx, ("CONFLICT", "connection_id")):
            await connections.report_health(ctx, report)


async def test_an_inactive_connection_stays_inactive_whatever_is_reported(ctx):
    await connections.update(ctx, REF | {"active": False})

    sick = [await connections.report_health(ctx, SICK) for _ in range(4)][-1]
    well = await connections.report_health(ctx, WELL)

    assert (sick.status, sick.error_count) == ("inactive", 4)
    assert (well.status, well.error_count) == ("inactive", 0)


async def test_a_failed_connection_does_not_become_active_beside_an_active_duplicate(ctx):
    for _ in range(3):
        await connections.report_health(ctx, SICK)
    await connections.open(ctx, {"source": ADA, "target_service": "github"})

    async with refusal(ctx, ("CONFLICT", "connection_id")):
        await connections.report_health(ctx, WELL)
    assert (await connections.report_health(ctx, SICK)).error_count == 4


async def test_a_report_on_an_unknown_connection_is_not_found(ctx):
    async with refusal(ctx, ("NOT_FOUND", "connection_id")):
        await connections.report_health(ctx, WELL | {"connection_id": UNKNOWN})


async def test_uses_are_added_up_and_returned_in_the_order_of_the_input(ctx):
    first = {"connection_id": FIRST, "requests": 5}
    second = {"connection_id": SECOND}

    used = await connections.record_use(ctx, [second, first, second])

    assert [row.connection_id for row in used] == [SECOND, FIRST, SECOND]
    assert [row.request_count for row in used] == [2, 5, 2]
    assert all(row.last_used_at and row.updated_at > row.created_at for row in used)


async def test_uses_are_counted_for_all_connections_or_none(ctx):
    await connections.disconnect(ctx, {"connection_id": SECOND})

    async with refusal(
        ctx, ("CONFLICT", "1", "connection_id"), ("NOT_FOUND", "3", "connection_id")
    ):
        await connections.record_use(
            ctx, [{"connection_id": each} for each in (FIRST, SECOND, FIRST, UNKNOWN)]
        )


async def test_every_invalid_use_is_reported_at_its_position(ctx):
    async with refusal(
        ctx,
        ("INVALID", "0", "connection_id"),
        ("INVALID", "1", "requests"),
        ("INVALID", "2", "requests"),
        ("INVALID", "3", "requests"),
    ):
        await connections.record_use(
            ctx,
            [
                {"connection_id": "\0"},
                REF | {"requests": 0},
                REF | {"requests": 1_000_001},
                REF | {"requests": None},
            ],
        )


async def test_a_list_of_uses_has_one_to_a_hundred(ctx):
    async with refusal(ctx, ("INVALID",)):
        await connections.record_use(ctx, [])
    async with refusal(ctx, ("LIMIT",)):
        await connections.record_use(ctx, [REF] * 101)
    [*_, used] = await connections.record_use(ctx, [REF] * 100)
    assert used.request_count == 100


@pytest.mark.not_on("d1", "integers beyond 2^53 are nothing that D1 can express")
async def test_the_request_count_stops_at_the_greatest_big_int(ctx):
    await put(ctx, f"UPDATE connections SET request_count = {BIG_INT_MAX - 3}")

    [used] = await connections.record_use(ctx, [REF | {"requests": 3}])
    [more] = await connections.record_use(ctx, [REF | {"requests": 1_000_000}])

    assert used.request_count == more.request_count == BIG_INT_MAX
    assert await ask(ctx, "SELECT DISTINCT typeof(request_count) FROM connections") == [
        ("integer",)
    ]


async def test_the_last_use_never_goes_back(ctx):
    ahead = "2999-01-01T00:00:00.000Z"
    await put(ctx, "UPDATE connections SET last_used_at = '2999-01-01 00:00:00'")

    [used] = await connections.record_use(ctx, [REF])

    assert used.last_used_at == ahead


async def test_concurrent_uses_are_all_counted_and_a_failed_one_affects_no_other(ctx):
    uses = [[REF], [REF, {"connection_id": UNKNOWN}]] * 10

    outcomes = await asyncio.gather(
        *[connections.record_use(ctx, use) for use in uses], return_exceptions=True
    )

    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 10
    assert await ask(ctx, "SELECT max(request_count) FROM connections") == [(10,)]
