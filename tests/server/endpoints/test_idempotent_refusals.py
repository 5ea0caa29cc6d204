"""Which refusals an Idempotency-Key repeats, and who has lost the right to an answer."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from db.errors import Unavailable
from db.model.chitty_id import local
from resolvers.idempotency import NOT_REPEATED
from tests.resolvers.test_permissions import PARTS
from tests.support.registries.permissions import ME, MINE, ROOT, THEIRS, THEM, codes_of, registry
from tests.support.requests.idempotent_requests import (
    REGISTER,
    codes,
    everything,
    request_of,
    send,
)
from tests.support.services.api import Api, running


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A service in open mode over a new registry."""
    async with running(tmp_path / "registry.db") as api:
        yield api


OLD = "2020-01-01T00:00:00.000Z"
NONE = "CHITTY-CONTEXT-NONE"
# A mutation that is refused, and what makes it possible.
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "NOT_FOUND": (
        "updateContext",
        {"chittyId": NONE, "name": "x"},
        f"UPDATE contexts SET chitty_id = '{NONE}' WHERE chitty_id = '{THEIRS}'",
    ),
    "ALREADY_EXISTS": (
        "createContext",
        {"name": MINE, "owner": ME},
        f"UPDATE contexts SET name = 'other' WHERE name = '{MINE}'",
    ),
    "CONFLICT": (
        "updateContext",
        {"chittyId": MINE, "name": "x", "ifUpdatedAt": OLD},
        f"UPDATE contexts SET updated_at = '{OLD}' WHERE chitty_id = '{MINE}'",
    ),
    "IN_USE": (
        "deleteActor",
        {"chittyId": THEM},
        f"UPDATE contexts SET owner_chitty_id = '{ME}' WHERE owner_chitty_id = '{THEM}'",
    ),
}


@pytest.mark.parametrize("code", REFUSED)
async def test_a_refusal_is_repeated_even_if_its_reason_has_gone(tmp_path: Path, code: str):
    mutation, given, change = REFUSED[code]
    async with registry(tmp_path, "admin") as (me, _):
        request = request_of(mutation, given)
        refused = await send(me, request, "one")
        await me.put(change)
        before = await everything(me)

        again = await send(me, request, "one")
        after = await everything(me)
        anew = await send(me, request, "two")

    assert (codes(refused.body), codes(anew.body)) == ([code], [])
    assert (again, after) == (refused, before)


async def test_a_mutation_that_found_nothing_to_change_changes_nothing_later(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, _):
        request = request_of("updateContext", {"chittyId": MINE, "name": MINE})
        done = await send(me, request, "one")
        await me.put("UPDATE contexts SET name = 'other' WHERE chitty_id = :mine", mine=MINE)

        assert await send(me, request, "one") == done
        assert await me.rows("SELECT name FROM contexts WHERE chitty_id = :mine", mine=MINE) == [
            ("other",)
        ]


@pytest.mark.parametrize(
    "mutation", ["a mutation", "a row"], ids=["refused before", "refused by the statement"]
)
async def test_a_lack_of_rights_is_decided_anew(tmp_path: Path, mutation: str):
    request = {
        "a mutation": request_of("recordInstallation", {"installationId": "3", **PARTS}),
        "a row": request_of("updateContext", {"chittyId": THEIRS, "name": "x"}),
    }[mutation]
    async with registry(tmp_path, "registry:read") as (me, root):
        forbidden = await send(me, request, "one")
        grant = """UPDATE actors SET capabilities = '["registry:write"]' WHERE chitty_id = :me"""
        await root.put(grant, me=ME)
        done = await send(me, request, "one")

    assert (codes(forbidden.body), codes(done.body)) == (["FORBIDDEN"], [])


async def test_an_answer_that_failed_for_the_moment_is_not_kept(api: Api):
    request = {"query": REGISTER, "variables": {"name": "Ada"}}
    mint = api.service.operations.mint

    async def failing(entity: str) -> str:
        raise Unavailable("not now")

    api.service.operations.mint = failing
    failed = await send(api, request, "one")
    api.service.operations.mint = mint
    done = await send(api, request, "one")
    api.service.operations.mint = failing

    assert (codes(failed.body), codes(done.body)) == (["UNAVAILABLE"], [])
    assert await send(api, request, "one") == done, "no ChittyID is needed to repeat an answer"


async def test_an_id_that_is_taken_is_minted_again_and_the_answer_is_that_of_the_second(api: Api):
    taken = local("ACTOR")
    minted = iter([taken, taken, local("ACTOR"), local("ACTOR")])

    async def mint(entity: str) -> str:
        return next(minted)

    api.service.operations.mint = mint
    await api.ask(REGISTER, name="Eve")
    request = {"query": REGISTER, "variables": {"name": "Ada"}}
    done = await send(api, request, "one")

    assert codes(done.body) == []
    assert await send(api, request, "one") == done
    assert await api.rows("SELECT count(*) FROM actors") == [(2,)]


LOSSES = {
    "a capability": """UPDATE actors SET capabilities = '["registry:read"]' WHERE chitty_id = :me""",
    "sight of the row": "UPDATE contexts SET owner_chitty_id = :root",
    "the row": "DELETE FROM contexts WHERE name = 'a'",
}


@pytest.mark.parametrize(
    ("held", "loss"),
    [("registry:write", "a capability"), ("", "sight of the row"), ("", "the row")],
)
async def test_whoever_has_lost_rights_gets_no_kept_answer(tmp_path: Path, held: str, loss: str):
    async with registry(tmp_path, *held.split()) as (me, _):
        request = request_of("createContext", {"name": "a", "owner": ME})
        await send(me, request, "one")
        binds = {"me": ME, "root": ROOT}
        sql = LOSSES[loss]
        await me.put(sql, **{name: each for name, each in binds.items() if f":{name}" in sql})
        before = await everything(me)

        again = await send(me, request, "one")

        (payload,) = json.loads(again.body)["data"].values()
        assert payload == {
            "context": None,
            "errors": [{"code": "FORBIDDEN", "path": ["input"], "message": NOT_REPEATED}],
        }
        assert await everything(me) == before


async def test_a_suspended_actor_gets_no_kept_answer_until_it_is_reinstated(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, root):
        request = request_of("suspendActor", {"chittyId": ME})
        done = await send(me, request, "one")
        refused = await send(me, request, "one")
        assert await codes_of(root, "reinstateActor", {"chittyId": ME}) == []

        again = await send(me, request, "one")

        assert (done.status, refused.status, again) == (200, 401, done)
        assert await root.rows("SELECT status FROM actors WHERE chitty_id = :me", me=ME) == [
            ("active",)
        ]


async def test_what_has_become_private_is_hidden_in_a_repeated_answer(tmp_path: Path):
    async with registry(tmp_path, "registry:write") as (me, _):
        given = {"source": MINE, "targetService": "a", "credentialsKvKey": "keys/ada"}
        request = request_of("openConnection", given)
        done = await send(me, request, "one")
        await me.put("UPDATE contexts SET owner_chitty_id = :them", them=THEM)

        again = await send(me, request, "one")

    shown, hidden = (
        json.loads(answer.body)["data"]["openConnection"]["connection"] for answer in (done, again)
    )
    assert shown["credentialsKvKey"] == "keys/ada"
    assert hidden == shown | {"credentialsKvKey": None}
