"""The doors of a protected service: which are open, to whom, and how often."""

import hashlib
import hmac
from typing import Any

import httpx2
import pytest
from starlette.datastructures import Secret

from server.access.buckets import MOST_KEPT, Buckets
from server.access.gate import Gate
from tests.api import running
from tests.guarding import Guarded, asking_from, bearer, guard, guarded, noted, refusal
from tests.listening import listening

QUERY = "{ viewer { capabilities } }"
WRONG = bearer("cg_0123456789ab_" + "A" * 43)
TOO_MANY = "too many credentials from this address have failed: try again in"


@pytest.fixture
async def api(tmp_path):
    async with guarded(tmp_path / "registry.db") as api:
        yield api


def limited(api: Guarded, clock, **per_minute: float) -> None:
    """Put a gate with these allowances and this clock before the service."""
    failures, requests, points = (
        Buckets(per_minute.get(name, 0), clock) for name in ("failures", "requests", "points")
    )
    database = api.app.db
    guard(api, Gate(database, None, failures=failures, requests=requests, points=points))


@pytest.fixture
def now():
    return [0.0]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_every_way_of_asking_takes_a_credential(api: Guarded, method: str):
    for media_type in ("*/*", "application/json", "application/graphql-response+json"):
        answer = await api.client.request(
            method, "/graphql", params={"query": QUERY}, headers={"accept": media_type}
        )
        assert (answer.status_code, answer.headers["www-authenticate"]) == (
            401,
            'Bearer realm="chittygraph"',
        )


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("PUT", {}, 405),
        ("DELETE", {"accept": "text/html"}, 405),
        ("GET", {"accept": "text/html"}, 406),
        ("POST", {"accept": "image/png"}, 406),
        ("POST", {"accept-encoding": "identity;q=0"}, 406),
    ],
)
async def test_how_to_ask_is_told_to_those_who_may(api: Guarded, method: str, headers, status: int):
    _, key = await api.newcomer()

    stranger = await api.client.request(method, "/graphql", headers=headers)
    known = await api.client.request(
        method, "/graphql", headers={**headers, "authorization": bearer(key)}
    )

    assert refusal(stranger)[:2] == (401, "UNAUTHENTICATED")
    assert refusal(known)[0] == status


async def test_a_refusal_has_the_media_type_that_was_asked_for(api: Guarded):
    media_type = "application/graphql-response+json"

    answer = await api.show(headers=[("accept", media_type)])

    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_nothing_of_a_request_is_looked_at_before_its_credential(api: Guarded):
    for body in (b"", b"not json", b'{"query": "{ nothing }"}', b"x" * 200_000):
        answer = await api.client.post(
            "/graphql", content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 401


async def test_what_may_be_asked_how_is_told_to_everyone(api: Guarded):
    answer = await api.client.options("/graphql")

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, POST, OPTIONS"


async def test_health_is_told_to_everyone_and_nothing_of_the_registry(api: Guarded):
    await api.actor("Ada")

    health = await api.client.get("/healthz")
    ready = await api.client.get("/readyz")

    assert (health.status_code, ready.status_code) == (200, 200)
    assert "ADA" not in (health.text + ready.text).upper()
    assert "1" not in health.text + ready.text


async def test_figures_are_for_this_machine_or_for_their_own_token(tmp_path):
    settings = {"metrics_token": Secret("look-at-me")}
    async with guarded(tmp_path / "registry.db", **settings) as api:
        _, key = await api.newcomer("Root", "admin")
        here = await api.client.get("/metrics")
        async with asking_from(api, "192.0.2.7") as far:
            shown = {
                given: (await far.client.get("/metrics", headers=headers)).status_code
                for given, headers in {
                    "nothing": {},
                    "an admin's key": {"authorization": bearer(key)},
                    "the token": {"authorization": bearer("look-at-me")},
                    "half of it": {"authorization": bearer("look-at")},
                }.items()
            }

    assert here.status_code == 200
    assert shown == {"nothing": 403, "an admin's key": 403, "the token": 200, "half of it": 403}


async def test_guesses_at_the_token_of_the_figures_count_as_other_credentials_do(tmp_path):
    settings = {"metrics_token": Secret("look-at-me"), "failed_credentials_per_minute": 3}
    async with (
        guarded(tmp_path / "registry.db", **settings) as api,
        asking_from(api, "192.0.2.7") as far,
    ):
        guessed = [
            (await far.client.get("/metrics", headers={"authorization": bearer(guess)})).status_code
            for guess in ("a", "b", "c", "d", "look-at-me")
        ]
        elsewhere = await far.show(WRONG)

    assert guessed == [403, 403, 403, 429, 429]
    assert elsewhere.status_code == 429


async def test_figures_are_not_told_to_a_page_that_was_led_here(api: Guarded):
    answer = await api.client.get("/metrics", headers={"host": "stranger.example"})

    assert refusal(answer)[:2] == (403, "FORBIDDEN")


@pytest.mark.parametrize("header", ["via", "x-forwarded-server", "true-client-ip", "x-client-ip"])
async def test_figures_are_not_told_to_those_behind_a_proxy_of_this_machine(
    api: Guarded, header: str
):
    answer = await api.client.get("/metrics", headers={header: "192.0.2.7"})

    assert answer.status_code == 403


async def test_the_token_of_the_figures_opens_nothing_else(tmp_path):
    async with guarded(tmp_path / "registry.db", metrics_token=Secret("look-at-me")) as api:
        assert (await api.show(bearer("look-at-me"))).status_code == 401


async def test_the_schema_is_told_only_where_that_is_allowed_and_for_a_credential(tmp_path):
    asked = "{ __schema { queryType { name } } }"
    async with guarded(tmp_path / "registry.db") as api:
        _, key = await api.newcomer()
        by_default = await api.client.get("/schema.graphql", headers={"authorization": bearer(key)})
        introspected = await api.show(bearer(key), query=asked)
    async with guarded(tmp_path / "registry.db", introspection=True) as api:
        stranger = await api.client.get("/schema.graphql")
        known = await api.client.get("/schema.graphql", headers={"authorization": bearer(key)})
        allowed = await api.show(bearer(key), query=asked)

    assert (by_default.status_code, "errors" in introspected.json()) == (404, True)
    assert refusal(stranger)[:2] == (401, "UNAUTHENTICATED")
    assert stranger.headers["www-authenticate"] == 'Bearer realm="chittygraph"'
    assert "type Query" in known.text
    assert allowed.json() == {"data": {"__schema": {"queryType": {"name": "Query"}}}}


async def test_the_page_is_open_where_it_is_served_since_it_holds_no_data(tmp_path):
    browsing = {"accept": "text/html"}
    async with guarded(tmp_path / "registry.db") as api:
        by_default = await api.client.get("/graphql", headers=browsing)
    async with guarded(tmp_path / "registry.db", graphiql=True) as api:
        page = await api.client.get("/graphql", headers=browsing)
        asked = await api.client.get("/graphql", params={"query": QUERY}, headers=browsing)

    assert by_default.status_code == 401
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert asked.status_code == 401


async def test_webhooks_come_in_by_their_signature_alone(tmp_path):
    body = b'{"zen": "Keep it logically awesome."}'
    signed = "sha256=" + hmac.new(b"shared", body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-github-event": "ping",
        "x-github-delivery": "1",
    }
    async with guarded(tmp_path / "registry.db", github_webhook_secret=Secret("shared")) as api:
        _, key = await api.newcomer("Root", "admin")
        right = await api.client.post(
            "/webhooks/github", content=body, headers={**headers, "x-hub-signature-256": signed}
        )
        unsigned = await api.client.post(
            "/webhooks/github", content=body, headers={**headers, "authorization": bearer(key)}
        )

    assert (right.status_code, unsigned.status_code) == (200, 401)


async def test_what_a_viewer_holds_is_still_so_for_nobody_else(api: Guarded):
    shown = []
    for name in ("Ada", "Bob"):
        _, key = await api.newcomer(name, "registry:read")
        shown.append({"authorization": bearer(key)})
    asked: dict[str, Any] = {"url": "/graphql", "params": {"query": "{ actors { totalCount } }"}}
    for headers in shown:
        await api.client.get(**asked, headers=headers)
    await noted(api)

    tags = [(await api.client.get(**asked, headers=each)).headers["etag"] for each in shown]
    crossed = [
        (await api.client.get(**asked, headers={**each, "if-none-match": tag})).status_code
        for each in shown
        for tag in tags
    ]
    nobody = await api.client.get(**asked, headers={"if-none-match": ", ".join(tags)})

    assert tags[0] != tags[1]
    assert crossed == [304, 200, 200, 304]
    assert nobody.status_code == 401
    assert "etag" not in nobody.headers


async def test_an_address_that_fails_too_often_waits_and_no_other(api: Guarded, now):
    _, key = await api.newcomer()
    limited(api, lambda: now[0], failures=3)
    async with asking_from(api, "192.0.2.7") as guesser, asking_from(api, "192.0.2.8") as other:
        failed = [(await guesser.show(WRONG)).status_code for _ in range(4)]
        barred = await guesser.show(bearer(key))
        elsewhere = await other.show(bearer(key))
        now[0] += 20
        later = await guesser.show(bearer(key))

    assert failed == [401, 401, 401, 429]
    assert refusal(barred) == (429, "TOO_MANY_REQUESTS", f"{TOO_MANY} 20 s")
    assert barred.headers["retry-after"] == "20"
    assert (elsewhere.status_code, later.status_code) == (200, 200)


async def test_who_has_asked_before_is_not_shut_out_by_who_guesses_at_the_same_address(api, now):
    ada, key = await api.newcomer()
    limited(api, lambda: now[0], failures=2)
    async with asking_from(api, "192.0.2.7") as here:
        first = await here.show(bearer(key))
        for _ in range(3):
            await here.show(WRONG)
        await api.actor("Bob")  # after any commit the credential is looked at again
        known = await here.show(bearer(key))
        await api.put("UPDATE actors SET status = 'suspended' WHERE chitty_id = :ada", ada=ada)
        suspended = [(await here.show(bearer(key))).status_code for _ in range(2)]

    assert (first.status_code, known.status_code) == (200, 200)
    assert suspended == [401, 429]


async def test_a_request_without_a_credential_is_no_failure(api: Guarded, now):
    _, key = await api.newcomer()
    limited(api, lambda: now[0], failures=1)
    async with asking_from(api, "192.0.2.7") as client:
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
async def test_failures_are_counted_by_what_a_client_has_of_its_own(
    api: Guarded, now, first: str, second: str, is_shared: bool
):
    limited(api, lambda: now[0], failures=1)
    async with asking_from(api, first) as one, asking_from(api, second) as two:
        assert (await one.show(WRONG)).status_code == 401
        answer = await two.show(WRONG)

    assert answer.status_code == (429 if is_shared else 401)


def test_counting_takes_no_more_memory_however_many_fail():
    buckets = Buckets(1, lambda: 0.0)

    for n in range(MOST_KEPT + 500):
        buckets.take(n, 1)

    assert len(buckets._levels) == MOST_KEPT
    assert buckets.room(0, 1).is_enough  # forgotten
    assert not buckets.room(MOST_KEPT + 499, 1).is_enough


async def test_failures_are_logged_with_the_address_and_without_the_credential(api: Guarded):
    async with asking_from(api, "192.0.2.7") as guesser:
        with listening() as heard:
            await guesser.show(WRONG)

    (line,) = heard.lines("credential refused")
    assert (line["client"], line["reason"]) == ("192.0.2.7", "the API key is unknown")
    assert "A" * 43 not in heard.text


async def test_an_actor_that_asks_too_often_waits_whatever_key_it_shows(api: Guarded, now):
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


async def test_an_actor_spends_points_and_is_told_how_many_are_left(api: Guarded, now):
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


async def test_an_operation_dearer_than_a_minute_holds_is_carried_out_once_nothing_is_owed(
    api: Guarded, now
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


async def test_a_limit_of_0_is_none(tmp_path):
    none = dict.fromkeys(
        ["failed_credentials_per_minute", "requests_per_minute", "points_per_minute"], 0
    )
    async with guarded(tmp_path / "registry.db", **none) as api:
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


async def test_in_open_mode_nobody_is_asked_for_anything_or_held_back(tmp_path):
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


async def test_a_service_that_nobody_could_enter_says_so(tmp_path, caplog):
    async with running(tmp_path / "registry.db", auth="protected"):
        pass

    assert "nobody has a credential" in caplog.messages
