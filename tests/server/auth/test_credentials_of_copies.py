"""Credentials, capabilities and revocations are the leader's, or a second old, whatever is asked for."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from db.consistency import Level
from server.auth.gate import CREDENTIAL_SECONDS
from tests.support.registries.databases import elsewhere
from tests.support.services.protected_service import WHO, ProtectedApi, bearer, refusal
from tests.support.services.sqlite_transport import RemoteApi, running_remote

LEVELS = ["none", "none; freshness=0.5", "weak", "strong"]
REVOKE = "UPDATE api_keys SET revoked_at = '2026-01-01T00:00:00.000Z'"
LOSSES = {
    "the key is revoked": REVOKE,
    "the actor is suspended": "UPDATE actors SET status = 'suspended'",
}
REGISTER = "mutation { registerActor(input: { actorType: HUMAN }) { errors { code } } }"
PATIENCE = 30.0


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[ProtectedApi]:
    """A protected service over an engine whose nearest copy stays as old as it is now."""
    async with running_remote(tmp_path / "registry.db", auth="protected") as remote:
        yield ProtectedApi(remote.app, remote.client)


async def ask(api: ProtectedApi, key: str, level: str, query: str = WHO) -> httpx2.Response:
    """The response to a query at this level."""
    return await api.show(bearer(key), query=query, headers=[("x-chittygraph-consistency", level)])


def transport_of(api: ProtectedApi):
    """How the service reaches its engine."""
    remote = RemoteApi(api.app, api.client)
    return remote.db.transport


@pytest.mark.parametrize("level", LEVELS)
async def test_a_credential_is_known_before_the_nearest_copy_knows_it(
    api: ProtectedApi, level: str
):
    actor, key = await api.newcomer("Ada", "registry:read")

    answer = await ask(api, key, level, "{ viewer { capabilities } }")

    assert answer.json() == {"data": {"viewer": {"capabilities": ["registry:read"]}}}
    levels = {at for at, text in transport_of(api).texts if "api_keys" in text}
    assert actor
    assert Level.NONE not in levels
    assert levels


@pytest.mark.waits
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "level",
    [
        *("none", "weak"),
        *(
            pytest.param(each, marks=pytest.mark.thorough)
            for each in ("none; freshness=0.5", "strong")
        ),
    ],
)
async def test_a_loss_is_known_after_a_second_though_the_nearest_copy_never_knows_it(
    api: ProtectedApi, tmp_path: Path, level: str, loss: str
):
    _, key = await api.newcomer()
    transport_of(api).catch_up()
    assert (await ask(api, key, level)).status_code == 200

    with elsewhere(tmp_path / "registry.db") as other:
        other.execute(LOSSES[loss])
    lost = time.monotonic()
    while True:
        began = time.monotonic()
        answer = await ask(api, key, level)
        if answer.status_code == 401:
            break
        assert began - lost <= CREDENTIAL_SECONDS
        assert answer.status_code == 200

    assert refusal(answer)[1] == "UNAUTHENTICATED"


@pytest.mark.parametrize("level", LEVELS)
async def test_a_write_is_refused_at_once_though_the_credential_still_counts(
    api: ProtectedApi, tmp_path: Path, level: str
):
    _, key = await api.newcomer("Root", "admin")
    assert (await ask(api, key, level)).status_code == 200
    with elsewhere(tmp_path / "registry.db") as other:
        other.execute("UPDATE actors SET capabilities = '[]'")

    answer = await ask(api, key, level, REGISTER)

    assert answer.json()["data"]["registerActor"]["errors"] == [{"code": "FORBIDDEN"}]
    with elsewhere(tmp_path / "registry.db") as connection:
        assert connection.execute("SELECT count(*) FROM actors").fetchall() == [(1,)]


async def test_without_a_leader_a_credential_counts_for_a_second_and_then_nobody_is_let_in(
    api: ProtectedApi,
):
    _, key = await api.newcomer()
    transport_of(api).catch_up()
    assert (await ask(api, key, "none")).status_code == 200

    transport_of(api).has_leader = False
    lost = time.monotonic()
    while time.monotonic() - lost < PATIENCE:
        began = time.monotonic()
        answer = await ask(api, key, "none")
        if answer.status_code != 200:
            break
        assert began - lost <= CREDENTIAL_SECONDS
    assert refusal(answer)[:2] == (503, "UNAVAILABLE")
    transport_of(api).texts.clear()
    assert (await ask(api, key, "weak")).status_code == 503
    read = [sql for _, sql in transport_of(api).texts if sql.split()[0] != "UPDATE"]
    assert not any("api_keys" in sql for sql in read)  # nobody waits twice
    transport_of(api).has_leader = True
    assert (await ask(api, key, "none")).status_code == 200
