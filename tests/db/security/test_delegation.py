"""What is given and taken away: capabilities by who holds them, principals by admins, of whom one stays."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.registries.permissions import FACE, ME, ROOT, THEM, codes_of, errors_of, registry


@pytest.mark.parametrize(
    ("holds", "given", "allowed"),
    [
        (["registry:write"], ["registry:write", "registry:read", "connections:report"], True),
        (["registry:write", "custom"], ["custom"], True),
        (["registry:write"], ["custom"], False),
        (["registry:write"], ["admin"], False),
        (["registry:write"], ["audit:read"], False),
        (["admin"], ["admin", "anything"], True),
    ],
)
async def test_nobody_grants_or_revokes_a_capability_that_they_do_not_hold(
    holds: list[str], given: list[str], allowed: bool, tmp_path: Path
):
    expected = [] if allowed else ["FORBIDDEN"]
    new = {"actorType": "HUMAN", "capabilities": given}
    async with registry(tmp_path, *holds) as (me, root):
        registered = await codes_of(me, "registerActor", new)
        granted = await codes_of(me, "updateActor", {"chittyId": THEM, "capabilities": given})
        await root.ask(
            "mutation ($given: UpdateActorInput!)"
            " { updateActor(input: $given) { errors { message } } }",
            given={"chittyId": FACE, "capabilities": given},
        )
        stripped = await codes_of(me, "updateActor", {"chittyId": FACE, "capabilities": []})

    assert (registered, granted, stripped) == (expected, expected, expected)


@pytest.mark.parametrize("mutation", ["suspendActor", "reinstateActor", "deleteActor"])
async def test_nobody_suspends_or_deletes_an_actor_who_holds_more(mutation: str, tmp_path: Path):
    async with registry(tmp_path, "registry:write") as (me, _):
        assert "FORBIDDEN" in await codes_of(me, mutation, {"chittyId": ROOT})


@pytest.mark.parametrize(
    ("mutation", "more"),
    [
        ("suspendActor", {}),
        ("deleteActor", {}),
        ("updateActor", {"capabilities": ["registry:write"]}),
    ],
)
async def test_the_last_admin_cannot_be_removed(
    mutation: str, more: dict[str, Any], tmp_path: Path
):
    async with registry(tmp_path) as (_, root):
        (error,) = await errors_of(root, mutation, {"chittyId": ROOT, **more})
        still = await root.ask("{ viewer { capabilities } }")

    assert (error["code"], error["message"]) == (
        "CONFLICT",
        f"{ROOT} is the last active admin: make another actor one first",
    )
    assert still == {"viewer": {"capabilities": ["admin"]}}


@pytest.mark.files_only(
    "an engine over HTTP checks the constraints of every writer, so nobody stores such a value through it"
)
@pytest.mark.parametrize(
    "stored",
    [
        *('{"of": "admin"}', '"admin"', "admin", '["administrator"]', '["admin", 1]'),
        *(b'["admin"]', '["admin", "\\ud800"]', '["admin", "\\uD8"]'),
    ],
)
async def test_an_actor_whose_capabilities_are_unreadable_is_not_counted_as_an_admin(
    stored: str | bytes, tmp_path: Path
):
    async with registry(tmp_path) as (_, root):
        await root.put("PRAGMA ignore_check_constraints = TRUE")  # adopted registries have none
        await root.put(
            "UPDATE actors SET capabilities = :stored WHERE chitty_id = :face",
            stored=stored,
            face=FACE,
        )
        codes = await codes_of(root, "suspendActor", {"chittyId": ROOT})

    assert codes == ["CONFLICT"]


async def test_an_admin_who_is_suspended_is_not_counted_as_one(tmp_path: Path):
    async with registry(tmp_path, "admin") as (_, root):
        one = await codes_of(root, "suspendActor", {"chittyId": ME})
        both = await codes_of(root, "suspendActor", {"chittyId": ROOT})

    assert (one, both) == ([], ["CONFLICT"])


async def test_an_ordinary_actor_does_not_give_up_what_it_holds(tmp_path: Path):
    async with registry(tmp_path, "audit:read") as (me, _):
        assert await codes_of(me, "updateActor", {"chittyId": ME, "capabilities": []}) == [
            "FORBIDDEN"
        ]


async def test_one_of_two_admins_who_suspend_each_other_at_once_remains(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, root):
        both = await asyncio.gather(
            codes_of(me, "suspendActor", {"chittyId": ROOT}),
            codes_of(root, "suspendActor", {"chittyId": ME}),
            return_exceptions=True,
        )
        admins = await me.rows(
            "SELECT count(*) FROM actors WHERE status = 'active' AND capabilities LIKE '%admin%'"
        )

    assert [] in both
    assert admins == [(1,)]


async def test_a_principal_belongs_to_one_actor(tmp_path: Path):
    principal = {"chittyAuthPrincipalId": f"principal of {THEM}"}
    async with registry(tmp_path, "admin") as (me, _):
        registered = await codes_of(me, "registerActor", {"actorType": "HUMAN", **principal})
        updated = await codes_of(me, "updateActor", {"chittyId": ME, **principal})

    assert (registered, updated) == (["ALREADY_EXISTS"], ["ALREADY_EXISTS"])


@pytest.mark.parametrize("prefix", ["", "did:chitty:"], ids=["bare", "with its DID"])
async def test_a_principal_never_equals_another_actors_chittyid(tmp_path: Path, prefix: str):
    named, free = "CHITTY-ACTOR-NAMED", {"actorType": "HUMAN", "chittyAuthPrincipalId": "free"}
    principal = {"chittyAuthPrincipalId": prefix + named}
    async with registry(tmp_path, "admin") as (me, _):
        itself = await codes_of(me, "updateActor", {"chittyId": ME, **principal})
        registered = await codes_of(me, "registerActor", {"chittyId": named, **free})
        others = [
            await codes_of(me, mutation, given | {"chittyAuthPrincipalId": prefix + THEM})
            for mutation, given in (
                ("registerActor", {"actorType": "HUMAN"}),
                ("updateActor", {"chittyId": ME}),
            )
        ]
        own = await codes_of(
            me, "updateActor", {"chittyId": ME, "chittyAuthPrincipalId": prefix + ME}
        )

    assert (itself, registered, own) == ([], ["ALREADY_EXISTS"], [])
    assert others == [["ALREADY_EXISTS"], ["ALREADY_EXISTS"]]


async def test_of_an_id_and_a_principal_that_are_equal_only_one_is_registered(tmp_path: Path):
    named = "CHITTY-ACTOR-NAMED"
    async with registry(tmp_path, "admin") as (me, root):
        both = await asyncio.gather(
            codes_of(me, "updateActor", {"chittyId": ME, "chittyAuthPrincipalId": named}),
            codes_of(root, "registerActor", {"chittyId": named, "actorType": "HUMAN"}),
        )

    assert sorted(both) == [[], ["ALREADY_EXISTS"]]
