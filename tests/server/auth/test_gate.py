"""Which endpoints of a protected service need a credential, and how they refuse."""

import hashlib
import hmac
from typing import Any

import pytest
from starlette.datastructures import Secret

from tests.support.services.api import running
from tests.support.services.protected_service import (
    WRONG,
    ProtectedApi,
    bearer,
    client_at,
    protected_api,
    refusal,
    wait_for_key_use,
)

QUERY = "{ viewer { capabilities } }"


@pytest.fixture
async def api(tmp_path):
    async with protected_api(tmp_path / "registry.db") as api:
        yield api


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_every_method_and_media_type_needs_a_credential(api: ProtectedApi, method: str):
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
        ("GET", {"accept": "text/plain"}, 406),
        ("POST", {"accept": "image/png"}, 406),
        ("POST", {"accept-encoding": "identity;q=0"}, 406),
    ],
)
async def test_advice_on_requests_needs_a_credential(
    api: ProtectedApi, method: str, headers, status: int
):
    _, key = await api.newcomer()

    stranger = await api.client.request(method, "/graphql", headers=headers)
    known = await api.client.request(
        method, "/graphql", headers={**headers, "authorization": bearer(key)}
    )

    assert refusal(stranger)[:2] == (401, "UNAUTHENTICATED")
    assert refusal(known)[0] == status


async def test_a_401_has_the_accepted_media_type(api: ProtectedApi):
    media_type = "application/graphql-response+json"

    answer = await api.show(headers=[("accept", media_type)])

    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_the_credential_is_checked_before_anything_else(api: ProtectedApi):
    for body in (b"", b"not json", b'{"query": "{ nothing }"}', b"x" * 200_000):
        answer = await api.client.post(
            "/graphql", content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 401


async def test_options_needs_no_credential(api: ProtectedApi):
    answer = await api.client.options("/graphql")

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, QUERY, POST, OPTIONS"


async def test_health_checks_need_no_credential_and_reveal_nothing(api: ProtectedApi):
    await api.actor("Ada")

    health = await api.client.get("/healthz")
    ready = await api.client.get("/readyz")

    assert (health.status_code, ready.status_code) == (200, 200)
    assert "ADA" not in (health.text + ready.text).upper()
    assert "1" not in health.text + ready.text


async def test_metrics_need_this_machine_or_their_own_token(tmp_path):
    settings = {"metrics_token": Secret("look-at-me")}
    async with protected_api(tmp_path / "registry.db", **settings) as api:
        _, key = await api.newcomer("Root", "admin")
        here = await api.client.get("/metrics")
        async with client_at(api, "192.0.2.7") as far:
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


async def test_wrong_metrics_tokens_count_as_failed_credentials(tmp_path):
    settings = {"metrics_token": Secret("look-at-me"), "failed_credentials_per_minute": 3}
    async with (
        protected_api(tmp_path / "registry.db", **settings) as api,
        client_at(api, "192.0.2.7") as far,
    ):
        guessed = [
            (await far.client.get("/metrics", headers={"authorization": bearer(guess)})).status_code
            for guess in ("a", "b", "c", "d", "look-at-me")
        ]
        elsewhere = await far.show(WRONG)

    assert guessed == [403, 403, 403, 429, 429]
    assert elsewhere.status_code == 429


async def test_metrics_are_refused_to_a_rebound_host_name(api: ProtectedApi):
    answer = await api.client.get("/metrics", headers={"host": "stranger.example"})

    assert refusal(answer)[:2] == (403, "FORBIDDEN")


@pytest.mark.parametrize("header", ["via", "x-forwarded-server", "true-client-ip", "x-client-ip"])
async def test_metrics_are_refused_to_clients_behind_a_local_proxy(api: ProtectedApi, header: str):
    answer = await api.client.get("/metrics", headers={header: "192.0.2.7"})

    assert answer.status_code == 403


async def test_the_metrics_token_opens_nothing_else(tmp_path):
    async with protected_api(tmp_path / "registry.db", metrics_token=Secret("look-at-me")) as api:
        assert (await api.show(bearer("look-at-me"))).status_code == 401


async def test_the_schema_needs_introspection_and_a_credential(tmp_path):
    asked = "{ __schema { queryType { name } } }"
    async with protected_api(tmp_path / "registry.db") as api:
        _, key = await api.newcomer()
        by_default = await api.client.get("/schema.graphql", headers={"authorization": bearer(key)})
        introspected = await api.show(bearer(key), query=asked)
    async with protected_api(tmp_path / "registry.db", introspection=True) as api:
        stranger = await api.client.get("/schema.graphql")
        known = await api.client.get("/schema.graphql", headers={"authorization": bearer(key)})
        allowed = await api.show(bearer(key), query=asked)

    assert (by_default.status_code, "errors" in introspected.json()) == (404, True)
    assert refusal(stranger)[:2] == (401, "UNAUTHENTICATED")
    assert stranger.headers["www-authenticate"] == 'Bearer realm="chittygraph"'
    assert "type Query" in known.text
    assert allowed.json() == {"data": {"__schema": {"queryType": {"name": "Query"}}}}


async def test_graphiql_needs_no_credential_since_it_has_no_data(tmp_path):
    browsing = {"accept": "text/html"}
    async with protected_api(tmp_path / "registry.db") as api:
        by_default = await api.client.get("/graphql", headers=browsing)
    async with protected_api(tmp_path / "registry.db", graphiql=True) as api:
        page = await api.client.get("/graphql", headers=browsing)
        linked = await api.client.get("/graphql", params={"query": QUERY}, headers=browsing)
        asked = await api.client.get("/graphql", params={"query": QUERY})

    assert by_default.status_code == 401
    assert by_default.headers["www-authenticate"] == 'Bearer realm="chittygraph"'
    assert "CHITTYGRAPH_GRAPHIQL=true" in by_default.text
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert linked.content == page.content
    assert asked.status_code == 401


async def test_webhooks_need_only_their_signature(tmp_path):
    body = b'{"zen": "Keep it logically awesome."}'
    signed = "sha256=" + hmac.new(b"shared", body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-github-event": "ping",
        "x-github-delivery": "1",
    }
    async with protected_api(
        tmp_path / "registry.db", github_webhook_secret=Secret("shared")
    ) as api:
        _, key = await api.newcomer("Root", "admin")
        right = await api.client.post(
            "/webhooks/github", content=body, headers={**headers, "x-hub-signature-256": signed}
        )
        unsigned = await api.client.post(
            "/webhooks/github", content=body, headers={**headers, "authorization": bearer(key)}
        )

    assert (right.status_code, unsigned.status_code) == (200, 401)


async def test_one_viewers_etag_matches_for_no_other(api: ProtectedApi):
    shown = []
    for name in ("Ada", "Bob"):
        _, key = await api.newcomer(name, "registry:read")
        shown.append({"authorization": bearer(key)})
    asked: dict[str, Any] = {"url": "/graphql", "params": {"query": "{ actors { totalCount } }"}}
    for headers in shown:
        await api.client.get(**asked, headers=headers)
    await wait_for_key_use(api)

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


async def test_a_protected_service_without_any_credential_logs_a_warning(tmp_path, caplog):
    async with running(tmp_path / "registry.db", auth="protected"):
        pass

    assert "no credential exists yet" in caplog.messages
