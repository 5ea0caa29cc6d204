"""What clients see on real D1 when its network or Worker fails, and what D1 itself cannot do."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from db.migrating import ledger
from db.migrating.ledger import MIGRATIONS
from db.open_database import examine, migrate
from server.app import create_app
from server.settings import Settings
from tests.support.other_programs.d1_worker import D1Worker, database_url, running_d1_worker
from tests.support.registries.databases import UNHURRIED
from tests.support.services.api import Api
from tests.support.services.asgi_client import AsgiClient
from tests.support.services.tcp_proxy import Fault, TcpProxy, tcp_proxy

REGISTER = """
    mutation ($id: ChittyID) {
        registerActor(input: {chittyId: $id, actorType: HUMAN, displayName: "Ada"}) {
            actor { chittyId displayName createdAt }
            errors { code message }
        }
    }
"""
COUNT = "{ actors { totalCount } }"
# A request is answered within 6 seconds, and a busy machine takes its time.
SECONDS = 6 + 24


@asynccontextmanager
async def running_at(url: str, **settings: Any) -> AsyncIterator[Api]:
    """A service over the database at this URL."""
    app = create_app(Settings(database=url, **UNHURRIED | {"read_seconds": 5.0} | settings))
    async with app.router.lifespan_context(app), AsgiClient(app) as client:
        yield Api(app, client)


@asynccontextmanager
async def behind_a_proxy(url: str) -> AsyncIterator[tuple[Api, TcpProxy]]:
    """A service that reaches its database through a proxy."""
    parts = urlsplit(url)
    assert parts.port
    async with tcp_proxy(parts.port) as proxy:
        proxied = database_url(f"http://127.0.0.1:{proxy.port}{parts.path}")
        async with running_at(proxied) as api:
            yield api, proxy


def chitty_id(number: int) -> str:
    return f"CHITTY-ACTOR-{number:06}-AAAA"


async def codes(api: Api, query: str, **variables: Any) -> tuple[list[str], str]:
    """The codes and messages of the errors of an operation that has some, in time."""
    began = time.monotonic()
    errors = (await api.post(query, **variables))["errors"]
    assert time.monotonic() - began < SECONDS
    return [each["extensions"]["code"] for each in errors], errors[0]["message"]


async def count(api: Api) -> int:
    found: int = (await api.ask(COUNT))["actors"]["totalCount"]
    return found


@pytest.mark.parametrize("fault", [Fault.ANSWERS_LOST, Fault.REFUSED])
async def test_a_mutation_whose_answers_or_requests_are_lost_is_applied_once(
    d1_worker: D1Worker, fault: Fault
):
    async with behind_a_proxy(d1_worker.new_url()) as (api, proxy):
        for number, losses in enumerate((1, 2, 1)):
            proxy.fault, proxy.losses_left = fault, losses
            answered = (await api.ask(REGISTER, id=chitty_id(number)))["registerActor"]
            assert answered["errors"] == []
            assert answered["actor"]["chittyId"] == chitty_id(number)
            proxy.fault = Fault.NONE
            assert await count(api) == number + 1
        assert proxy.lost == 4
        created = "SELECT count(*) AS changes FROM changes WHERE operation = 'created'"
        assert await api.rows(created) == [(3,)]


@pytest.mark.thorough
async def test_a_group_of_mutations_whose_answer_is_lost_is_applied_once(d1_worker: D1Worker):
    async with behind_a_proxy(d1_worker.new_url()) as (api, proxy):
        proxy.fault, proxy.losses_left = Fault.ANSWERS_LOST, 3
        answers = await asyncio.gather(
            *(api.ask(REGISTER, id=chitty_id(number)) for number in range(16))
        )
        assert [each["registerActor"]["actor"]["chittyId"] for each in answers] == [
            chitty_id(number) for number in range(16)
        ]
        proxy.fault = Fault.NONE
        assert await count(api) == 16


@pytest.mark.thorough
async def test_an_endpoint_that_hangs_is_answered_for_in_time(d1_worker: D1Worker):
    async with behind_a_proxy(d1_worker.new_url()) as (api, proxy):
        await api.ask(REGISTER, id=chitty_id(0))
        proxy.fault = Fault.HANGS
        found, write = await asyncio.gather(
            codes(api, COUNT), codes(api, REGISTER, id=chitty_id(1))
        )
        assert found[0] == ["TIMEOUT"]
        assert write[0] == ["UNAVAILABLE"]
        assert "Cloudflare D1" in write[1]
        assert "may have been applied" in write[1]
        proxy.fault = Fault.NONE
        assert await count(api) == 1
        await api.ask(REGISTER, id=chitty_id(1))
        assert await count(api) == 2


@pytest.mark.thorough
async def test_a_worker_that_is_gone_has_stored_nothing_and_goes_on_when_it_is_back(
    tmp_path: Path,
):
    with running_d1_worker(tmp_path) as worker:
        path = urlsplit(worker.new_url()).path
        async with behind_a_proxy(f"{worker.url}{path}") as (api, proxy):
            await api.ask(REGISTER, id=chitty_id(0))
            worker.kill()
            assert (await codes(api, COUNT))[0] == ["UNAVAILABLE"]
            found, message = await codes(api, REGISTER, id=chitty_id(1))
            assert found == ["UNAVAILABLE"]
            assert "Cloudflare D1" in message
            with running_d1_worker(tmp_path) as other:
                proxy.target = urlsplit(other.url).port or 0
                assert await count(api) == 1
                await api.ask(REGISTER, id=chitty_id(1))
                assert await count(api) == 2


@pytest.mark.thorough
async def test_three_that_start_at_once_migrate_once(d1_worker: D1Worker):
    url = d1_worker.new_database()
    boots = await asyncio.gather(*(migrate(url) for _ in range(3)))
    applied = [name for boot in boots for name in boot.applied]
    assert sorted(applied) == [each.name for each in ledger.load(MIGRATIONS)]
    assert (await examine(url)).differences == []


RECORD = """
    mutation ($id: BigInt!, $login: String!) {
        recordInstallation(input: {
            installationId: $id, chittyId: "CHITTY-INSTALL-000001-AAAA", accountId: 1,
            accountLogin: $login, accountType: USER, repositorySelection: ALL
        }) {
            installation { installationId accountLogin }
            errors { code message }
        }
    }
"""


async def test_an_integer_that_d1_would_round_touches_no_other(d1_worker: D1Worker):
    async with running_at(d1_worker.new_database()) as api:
        greatest, beyond = 2**53 - 1, 2**53 + 1
        first = await api.ask(RECORD, id=str(greatest), login="first")
        assert first["recordInstallation"]["installation"] == {
            "installationId": str(greatest),
            "accountLogin": "first",
        }
        for refused in (beyond, beyond - 1):
            answered = await api.ask(RECORD, id=str(refused), login="second")
            assert answered["recordInstallation"] == {
                "installation": None,
                "errors": [
                    {
                        "code": "INVALID",
                        "message": f"{refused} is beyond 2^53 - 1, up to which Cloudflare D1 keeps"
                        " integers exactly",
                    }
                ],
            }
        assert await api.rows("SELECT account_login FROM installations") == [("first",)]


async def test_a_filter_that_is_too_deep_is_refused_in_the_name_of_d1(d1_worker: D1Worker):
    query = "query ($filter: ActorFilter) { actors(filter: $filter) { totalCount } }"
    async with running_at(d1_worker.new_database()) as api:
        assert await api.ask(query, filter=nested(2)) == {"actors": {"totalCount": 0}}
        found, message = await codes(api, query, filter=nested(3))
        assert found == ["ENGINE_LIMIT"]
        assert "Cloudflare D1 cannot run so large or deep a statement" in message
        assert await count(api) == 0


def nested(levels: int) -> dict[str, Any]:
    """A filter that goes back and forth so often between actors and contexts."""
    if levels == 0:
        return {"displayName": {"eq": "Ada"}}
    return {"contexts": {"some": {"owner": nested(levels - 1)}}}
