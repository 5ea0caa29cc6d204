"""Rate limits: failures per address, requests and points per actor."""

import httpx2
import pytest

from server.auth.gate import Gate
from server.auth.rate_limits import BUCKETS_KEPT, RateLimiter
from tests.support.services.api import running
from tests.support.services.log_capture import captured_logs
from tests.support.services.protected_service import (
    WRONG,
    ProtectedApi,
    bearer,
    client_at,
    protected_api,
    refusal,
    set_gate,
)

QUERY = "{ viewer { capabilities } }"


@pytest.fixture
async def api(tmp_path):
    async with protected_api(tmp_path / "registry.db") as api:
        yield api


TOO_MANY = "too many credentials from this address have failed: try again in"


def limited(api: ProtectedApi, clock, **per_minute: float) -> None:
    """Put a gate with these allowances and this clock before the service."""
    failures, requests, points = (
        RateLimiter(per_minute.get(name, 0), clock) for name in ("failures", "requests", "points")
    )
    database = api.service.db
    set_gate(api, Gate(database, None, failures=failures, requests=requests, points=points))


@pytest.fixture
def now():
    return [0.0]


async def test_an_address_with_too_many_failures_must_wait_and_others_need_not(
    api: ProtectedApi, now
):
    _, key = await api.newcomer()
    limited(api, lambda: now[0], failures=3)
    async with client_at(api, "192.0.2.7") as guesser, client_at(api, "192.0.2.8") as other:
        failed = [(await guesser.show(WRONG)).status_code for _ in range(4)]
        barred = await guesser.show(bearer(key))
        elsewhere = await other.show(bearer(key))
        now[0] += 20
        later = await guesser.show(bearer(key))

    assert failed == [401, 401, 401, 429]
    assert refusal(barred) == (429, "TOO_MANY_REQUESTS", f"{TOO_MANY} 20 s")
    assert barred.headers["retry-after"] == "20"
    assert (elsewhere.status_code, later.status_code) == (200, 200)


async def test_a_known_credential_is_exempt_from_the_failures_of_its_address(api, now):
    ada, key = await api.newcomer()
    limited(api, lambda: now[0], failures=2)
    async with client_at(api, "192.0.2.7") as here:
        first = await here.show(bearer(key))
        for _ in range(3):
            await here.show(WRONG)
        await api.actor("Bob")  # after any commit the credential is looked at again
        known = await here.show(bearer(key))
        await api.put("UPDATE actors SET status = 'suspended' WHERE chitty_id = :ada", ada=ada)
        suspended = [(await here.show(bearer(key))).status_code for _ in range(2)]

    assert (first.status_code, known.status_code) == (200, 200)
    assert suspended == [401, 429]


async def test_a_request_without_a_credential_is_not_a_failure(api: ProtectedApi, now):
    _, key = await api.newcomer()
    limited(api, lambda: now[0], failures=1)
    async with client_at(api, "192.0.2.7") as client:
        asked = [(await client.show()).status_code for _ in range(5)]
        assert asked == [401] * 5
        assert (await client.show(bearer(key))).status_code == 200


@pytest.mark.parametrize(
    ("first", "second", "is_shared"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("not an address", "not an address", True),
    ],
)
async def test_failures_are_counted_by_client_network(
    api: ProtectedApi, now, first: str, second: str, is_shared: bool
):
    limited(api, lambda: now[0], failures=1)
    async with client_at(api, first) as one, client_at(api, second) as two:
        assert (await one.show(WRONG)).status_code == 401
        answer = await two.show(WRONG)

    assert answer.status_code == (429 if is_shared else 401)


def test_the_number_of_buckets_is_bounded():
    buckets = RateLimiter(1, lambda: 0.0)

    for n in range(BUCKETS_KEPT + 500):
        buckets.take(n, 1)

    assert len(buckets._levels) == BUCKETS_KEPT
    assert buckets.check(0, 1).suffices  # forgotten
    assert not buckets.check(BUCKETS_KEPT + 499, 1).suffices


async def test_failures_are_logged_with_the_address_and_without_the_credential(api: ProtectedApi):
    async with client_at(api, "192.0.2.7") as guesser:
        with captured_logs() as logs:
            await guesser.show(WRONG)

    (line,) = logs.lines("credential refused")
    assert (line["client"], line["reason"]) == ("192.0.2.7", "the API key is unknown")
    assert "A" * 43 not in logs.text


async def test_an_actor_with_too_many_requests_must_wait_with_any_key(api: ProtectedApi, now):
    ada, key = await api.newcomer()
    another = await api.key_of(ada)
    _, of_bob = await api.newcomer("Bob")
    limited(api, lambda: now[0], requests=2)

    statuses = [(await api.show(bearer(each))).status_code for each in (key, another)]
    barred = await api.show(bearer(key))
    of_another = await api.show(bearer(of_bob))
    now[0] += 30
    later = await api.show(bearer(key))

    assert statuses == [200, 200]
    assert refusal(barred) == (
        429,
        "TOO_MANY_REQUESTS",
        "too many requests in this minute: try again in 30 s",
    )
    assert barred.headers["retry-after"] == "30"
    assert (of_another.status_code, later.status_code) == (200, 200)


async def test_operations_spend_points_and_report_how_many_are_left(api: ProtectedApi, now):
    _, key = await api.newcomer()
    limited(api, lambda: now[0], points=60)
    told = {
        "query": "{ actors(first: 40) { nodes { chittyId } } }",
        "extensions": {"cost": True},
    }

    async def asked() -> httpx2.Response:
        return await api.client.post("/graphql", json=told, headers={"authorization": bearer(key)})

    first, barred = await asked(), await asked()
    now[0] += 20
    later = await asked()

    cost = first.json()["extensions"]["cost"]["requested"]
    assert cost == 40
    assert first.json()["extensions"]["throttle"] == {
        "perMinute": 60,
        "left": 20,
        "retryAfterSeconds": 0,
    }
    assert refusal(barred)[0] == 429
    assert barred.headers["retry-after"] == "20"
    assert barred.json()["errors"][0]["extensions"] == {
        "code": "TOO_MANY_REQUESTS",
        "throttle": {"perMinute": 60, "left": 20, "retryAfterSeconds": 20},
    }
    assert later.status_code == 200


async def test_an_operation_above_the_whole_limit_runs_when_the_bucket_is_empty(
    api: ProtectedApi, now
):
    _, key = await api.newcomer()
    limited(api, lambda: now[0], points=20)
    dear = "{ actors(first: 40) { nodes { chittyId } } }"

    first = await api.show(bearer(key), query=dear)
    barred = await api.show(bearer(key), query=dear)
    now[0] += 119.9
    early = await api.show(bearer(key), query=dear)
    now[0] += 0.2
    late = await api.show(bearer(key), query=dear)

    answers = (first, barred, early, late)
    assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
    assert barred.headers["retry-after"] == "120"


async def test_a_limit_of_0_is_unlimited(tmp_path):
    none = dict.fromkeys(
        ["failed_credentials_per_minute", "requests_per_minute", "points_per_minute"], 0
    )
    async with protected_api(tmp_path / "registry.db", **none) as api:
        _, key = await api.newcomer()
        failed = {(await api.show(WRONG)).status_code for _ in range(100)}
        told = await api.client.post(
            "/graphql",
            json={"query": QUERY, "extensions": {"cost": True}},
            headers={"authorization": bearer(key)},
        )

    assert failed == {401}
    assert told.json()["extensions"]["throttle"] == {
        "perMinute": None,
        "left": None,
        "retryAfterSeconds": 0,
    }


async def test_open_mode_needs_no_credential_and_has_no_limits(tmp_path):
    few = dict.fromkeys(
        ["failed_credentials_per_minute", "requests_per_minute", "points_per_minute"], 1
    )
    async with running(tmp_path / "registry.db", auth="open", **few) as api:
        answers = [
            await api.client.post(
                "/graphql",
                json={"query": QUERY, "extensions": {"cost": True}},
                headers={"authorization": WRONG},
            )
            for _ in range(5)
        ]

    assert {answer.status_code for answer in answers} == {200}
    assert {tuple(answer.json()["extensions"]) for answer in answers} == {("cost",)}
