"""Which credentials authenticate a request, which do not, and from when on."""

from typing import Any

import httpx2
import pytest
import pytest_asyncio

from db.program import Value
from db.security import api_keys
from server.auth.api_keys import parse
from tests.support.services.commands import command
from tests.support.services.protected_service import (
    ProtectedApi,
    bearer,
    protected_api,
    refusal,
    set_clock,
    wait_for_key_use,
)
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

UNKNOWN = "the API key is unknown"
NO_KEY = "the credential is no API key of this service"
PLAIN = 'Bearer realm="chittygraph"'
INVALID = f'{PLAIN}, error="invalid_token"'


@pytest.fixture
async def api(tmp_path):
    async with protected_api(tmp_path / "registry.db", failed_credentials_per_minute=0) as api:
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory):
    """The same for several tests, which only add actors with keys."""
    path = tmp_path_factory.mktemp("shared") / "registry.db"
    async with protected_api(path, failed_credentials_per_minute=0) as api:
        yield api


def refused_with_401(answer) -> str:
    """The message of a refusal for want of a credential that proves something (RFC 6750, section 3)."""
    status, code, message = refusal(answer)
    assert (status, code, answer.headers["www-authenticate"]) == (401, "UNAUTHENTICATED", INVALID)
    return message


async def test_a_key_identifies_its_actor(api: ProtectedApi):
    ada, key = await api.newcomer("Ada", "audit:read")

    answer = await api.show(bearer(key))

    viewer = {"actor": {"chittyId": ada}, "capabilities": ["audit:read"]}
    assert (answer.status_code, answer.json()) == (200, {"data": {"viewer": viewer}})


async def test_a_request_without_a_credential_gets_a_challenge(api: ProtectedApi):
    answer = await api.show()

    assert answer.headers["www-authenticate"] == PLAIN
    assert refusal(answer) == (
        401,
        "UNAUTHENTICATED",
        "send a credential such as Authorization: Bearer cg_…",
    )


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("scheme", ["bearer ", "BEARER ", "Bearer   "])
async def test_the_scheme_is_case_insensitive(shared: ProtectedApi, scheme: str):
    _, key = await shared.newcomer()

    assert (await shared.show(scheme + key)).status_code == 200


async def test_one_credential_in_many_spellings_evicts_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr("server.auth.gate.CREDENTIALS_KEPT", 8)
    async with protected_api(tmp_path / "registry.db", failed_credentials_per_minute=1) as api:
        _, key = await api.newcomer()
        _, of_another = await api.newcomer("Bob")
        await api.show(bearer(of_another))
        await wait_for_key_use(api)
        await api.show(bearer(of_another))
        for spaces in range(1, 40):
            assert (await api.show(f"Bearer{' ' * spaces}{key}")).status_code == 200
        await api.show(bearer("wrong"))

        assert (await api.show(bearer("wrong"))).status_code == 429
        assert (await api.show(bearer(of_another))).status_code == 200


@pytest.mark.parametrize("stored", ["garbage", "", "2026-13-01", "17"])
async def test_a_key_with_an_unreadable_expiry_has_expired(api: ProtectedApi, stored: str):
    _, key = await api.newcomer()
    await api.put("UPDATE api_keys SET expires_at = :stored", stored=stored)

    assert refused_with_401(await api.show(bearer(key))) == "the API key has expired: use another"


OTHER_SCHEMES = {
    "empty": "",
    "blank": "   ",
    "a scheme alone": "Bearer",
    "Basic": "Basic YWRhOnNlY3JldA==",
    "Digest": 'Digest username="ada"',
    "no scheme": "{key}",
    "another scheme": "Token {key}",
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("value", OTHER_SCHEMES.values(), ids=OTHER_SCHEMES)
async def test_other_schemes_are_refused(shared: ProtectedApi, value: str):
    _, key = await shared.newcomer()

    message = refused_with_401(await shared.show(value.format(key=key)))

    assert message == "send the credential as Authorization: Bearer …"


async def test_two_authorization_headers_are_refused_even_if_one_is_valid(api: ProtectedApi):
    _, key = await api.newcomer()
    assert (await api.show(bearer(key))).status_code == 200

    for credentials in ((key, "x"), ("x", key), (key, key)):
        message = refused_with_401(await api.show(*map(bearer, credentials)))
        assert message == "send one Authorization header, in ASCII"


async def test_a_credential_that_is_not_ascii_is_refused(api: ProtectedApi):
    for value in ("Bearer ключ".encode(), b"Bearer \xff\xfe"):
        message = refused_with_401(await api.show(value))
        assert message == "send one Authorization header, in ASCII"


async def test_a_huge_credential_is_refused(api: ProtectedApi):
    assert (
        refused_with_401(await api.show(bearer("cg_" + "a" * 60_000))) == "the API key is unknown"
    )


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"), UNKNOWN),
        (lambda key: key + "A", UNKNOWN),
        (lambda key: key[:-1], UNKNOWN),
        (lambda key: "cg_" + "0" * 12 + key[15:], UNKNOWN),
        (lambda key: key.replace("_", "-", 1), NO_KEY),
        (lambda key: key.upper(), NO_KEY),
    ],
    ids=["another secret", "longer", "shorter", "another id", "another form", "capitals"],
)
async def test_a_key_that_differs_in_any_part_is_unknown(shared: ProtectedApi, spoil, message: str):
    _, key = await shared.newcomer()

    assert refused_with_401(await shared.show(bearer(spoil(key)))) == message


async def test_a_key_outside_the_authorization_header_is_ignored(api: ProtectedApi):
    _, key = await api.newcomer()
    query = "{ viewer { capabilities } }"
    asked: list[dict[str, Any]] = [
        {"url": f"/graphql?query={query}&access_token={key}&authorization=Bearer%20{key}"},
        {"url": f"/graphql?query={query}", "headers": {"x-api-key": key, "cookie": f"token={key}"}},
        {"url": f"/graphql?query={query}", "headers": {"proxy-authorization": bearer(key)}},
    ]

    for each in asked:
        assert (await api.client.get(**each)).status_code == 401


async def test_a_key_is_refused_from_the_instant_of_its_expiry(tmp_path):
    now = [1_000_000_000.0]  # 2001-09-09T01:46:40Z
    async with protected_api(tmp_path / "registry.db") as api:
        set_clock(api, lambda: now[0])
        key = await api.key_of(await api.actor("Ada"), "2001-09-09T01:46:50.000Z")

        before = await api.show(bearer(key))
        now[0] += 9.9
        still = await api.show(bearer(key))
        now[0] += 0.1
        after = await api.show(bearer(key))

    assert (before.status_code, still.status_code) == (200, 200)
    assert refused_with_401(after) == "the API key has expired: use another"


async def test_a_revoked_key_is_refused_at_the_next_request_and_others_are_not(api: ProtectedApi):
    ada, key = await api.newcomer()
    another = await api.key_of(ada)
    assert (await api.show(bearer(key))).status_code == 200

    await api.service.db.write(api_keys.revoke(parse(key).key_id))

    assert refused_with_401(await api.show(bearer(key))) == ("the API key was revoked: use another")
    assert (await api.show(bearer(another))).status_code == 200


SUSPEND = "UPDATE actors SET status = :status WHERE chitty_id = :actor"


@pytest.mark.parametrize("status", ["suspended", "deleted"])
async def test_an_inactive_actor_is_refused_until_it_is_active_again(
    api: ProtectedApi, status: str
):
    ada, key = await api.newcomer()
    assert (await api.show(bearer(key))).status_code == 200

    await api.put(SUSPEND, status=status, actor=ada)
    refused = await api.show(bearer(key))
    await api.put(SUSPEND, status="active", actor=ada)

    assert refused_with_401(refused) == f"the credential's actor is {status}"
    assert (await api.show(bearer(key))).status_code == 200


async def test_the_key_of_a_deleted_row_of_actors_is_refused(api: ProtectedApi):
    ada, key = await api.newcomer()

    await api.put("DELETE FROM actors WHERE chitty_id = :actor", actor=ada)

    assert refused_with_401(await api.show(bearer(key))) == (
        "the credential belongs to no actor here"
    )


async def test_a_removed_capability_is_lost_at_the_next_request(api: ProtectedApi):
    ada, key = await api.newcomer("Ada", "registry:read")
    await api.actor("Bob")
    everyone = "{ actors { totalCount } }"
    before = await api.show(bearer(key), query=everyone)

    await api.put("UPDATE actors SET capabilities = '[]' WHERE chitty_id = :actor", actor=ada)

    after = await api.show(bearer(key), query=everyone)
    assert before.json() == {"data": {"actors": {"totalCount": 2}}}
    assert after.json() == {"data": {"actors": {"totalCount": 1}}}


@pytest.mark.parametrize("stored", ["[1]", '["admin", 1]', '[["admin"]]', '["ADMIN"]'])
async def test_malformed_capabilities_grant_nothing(api: ProtectedApi, stored: str):
    ada, key = await api.newcomer("Ada", "admin")
    await api.actor("Bob")

    await api.put(
        "UPDATE actors SET capabilities = :stored WHERE chitty_id = :actor",
        stored=stored,
        actor=ada,
    )

    answer = await api.show(bearer(key), query="{ viewer { capabilities } actors { totalCount } }")
    assert answer.json()["data"]["actors"] == {"totalCount": 1}
    assert "admin" not in answer.json()["data"]["viewer"]["capabilities"]


async def test_changes_by_another_process_apply_to_the_next_request_of_every_worker(tmp_path):
    path = tmp_path / "registry.db"
    assert command("migrate", "--database", path).returncode == 0
    with served(path, "--auth", "protected", "--workers", "2") as (_, output):
        url = url_of(output, "/graphql")

        def statuses(key: str) -> set[int]:
            asked = {"query": "{ viewer { capabilities } }"}
            headers = {"authorization": bearer(key)}
            # A connection each, so that both workers are asked.
            return {
                httpx2.post(url, json=asked, headers=headers, timeout=TIMEOUT_SECONDS).status_code
                for _ in range(12)
            }

        made = command("keys", "create", "--new-admin", "Ada", "--database", path)
        key = made.stdout.strip()
        before = statuses(key)
        revoked = command("keys", "revoke", parse(key).key_id, "--database", path)
        after = statuses(key)

    assert (made.returncode, revoked.returncode) == (0, 0)
    assert (before, after) == ({200}, {401})


async def days_of(api: ProtectedApi) -> list[Value]:
    await wait_for_key_use(api)
    return [day for (day,) in await api.rows("SELECT last_used_on FROM api_keys")]


async def test_the_day_of_last_use_is_recorded_once_a_day(tmp_path):
    now = [1_000_000_000.0]
    async with protected_api(tmp_path / "registry.db") as api:
        set_clock(api, lambda: now[0])
        _, key = await api.newcomer()
        unused = await days_of(api)
        await api.show(bearer(key))
        first = await days_of(api)
        state = await api.service.db.change_token()
        for _ in range(5):
            now[0] += 3_600
            await api.show(bearer(key))
        same_day, same_state = await days_of(api), await api.service.db.change_token()
        now[0] += 86_400
        await api.show(bearer(key))
        next_day = await days_of(api)

    assert (unused, first, same_day, next_day) == (
        [None],
        ["2001-09-09"],
        ["2001-09-09"],
        ["2001-09-10"],
    )
    assert same_state == state


async def test_using_a_key_does_not_change_etags(api: ProtectedApi):
    _, key = await api.newcomer()
    headers = {"authorization": bearer(key)}
    asked: dict[str, Any] = {"url": "/graphql", "params": {"query": "{ actors { totalCount } }"}}
    await api.client.get(**asked, headers=headers)
    await days_of(api)
    tag = (await api.client.get(**asked, headers=headers)).headers["etag"]

    again = [
        await api.client.get(**asked, headers={**headers, "if-none-match": tag}) for _ in range(3)
    ]

    assert [each.status_code for each in again] == [304] * 3
