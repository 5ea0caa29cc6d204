"""Who sees which changes, and what of them: what the rows that changed show today decides."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from schema.fields import global_ids
from tests.support.registries import separate_owners
from tests.support.registries.permissions import (
    APP,
    FACE,
    FAR_APP,
    FAR_LINK,
    LINK,
    ME,
    MINE,
    ROOT,
    THEIRS,
    THEM,
    actor,
    connection,
    context,
    installation,
)
from tests.support.registries.separate_owners import seen_by
from tests.support.services.api import Api, running

CHANGES = """query ($filter: ChangeFilter) {
    changes(filter: $filter) {
        totalCount
        nodes { id cause operation kind entityId before after actor { chittyId } entity { id } }
    }
}"""
RENAME = """mutation ($id: ChittyID!, $name: String) {
    updateContext(input: { chittyId: $id, name: $name }) { errors { message } }
}"""
ACTOR, CONTEXT, INSTALLATION, CONNECTION = "Actor", "Context", "Installation", "Connection"
OWN = {(ACTOR, ME), (ACTOR, FACE), (CONTEXT, MINE), (INSTALLATION, APP), (CONNECTION, LINK)}
FOREIGN = {
    *((ACTOR, THEM), (ACTOR, ROOT), (CONTEXT, THEIRS)),
    *((INSTALLATION, FAR_APP), (CONNECTION, FAR_LINK)),
}
PRIVATE = {
    *("email", "capabilities", "chittyDnaId", "chittyAuthPrincipalId"),
    *("lastSeenAt", "sessionCount"),
}


class Registry:
    """A registry in protected mode: `me` holds some capabilities, `root` is an admin."""

    def __init__(self, service: Api, me: Api, root: Api) -> None:
        self.service, self.me, self.root = service, me, root

    async def write(self, sql: str) -> None:
        await self.service.put(sql)

    async def seen(self, **arguments: Any) -> list[dict[str, Any]]:
        """The changes that I see, which are as many as are counted."""
        found = (await self.me.ask(CHANGES, **arguments))["changes"]
        assert len(found["nodes"]) == found["totalCount"]
        nodes: list[dict[str, Any]] = found["nodes"]
        return nodes


Opened = Callable[..., Any]


@pytest.fixture(params=[False, True], ids=["generic", "compiled"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    @asynccontextmanager
    async def open_(*mine: str) -> AsyncIterator[Registry]:
        rows = [
            *(actor(ME, *mine), actor(FACE), actor(THEM), actor(ROOT, "admin")),
            *(context(MINE, ME), context(THEIRS, THEM)),
            *(installation(APP, FACE), installation(FAR_APP)),
            *(connection(LINK, MINE, APP), connection(FAR_LINK, THEIRS, FAR_APP)),
        ]
        separate_owners.store(tmp_path / "registry.db", rows, [ME, ROOT])
        settings = separate_owners.SETTINGS | {"compiled": request.param}
        async with (
            running(tmp_path / "registry.db", **settings) as service,
            AsyncExitStack() as stack,
        ):
            me, root = [
                await stack.enter_async_context(seen_by(service, name)) for name in (ME, ROOT)
            ]
            yield Registry(service, me, root)

    return open_


def entities(found: list[dict[str, Any]]) -> set[str]:
    return {each["entityId"] for each in found}


def ids(rows: set[tuple[str, Any]]) -> set[str]:
    return {global_ids.of_key(kind, key) for kind, key in rows}


SIGHTS = {
    "nothing": ([], OWN),
    "installations:write": (["installations:write"], OWN | {(INSTALLATION, FAR_APP)}),
    "registry:read": (["registry:read"], OWN | FOREIGN),
    "audit:read": (["audit:read"], OWN | FOREIGN),
    "admin": (["admin"], OWN | FOREIGN),
}


@pytest.mark.parametrize(("capabilities", "rows"), SIGHTS.values(), ids=SIGHTS)
async def test_who_sees_a_row_sees_its_changes(
    opened: Opened, capabilities: list[str], rows: set[tuple[str, Any]]
):
    async with opened(*capabilities) as registry:
        found = await registry.seen()

    assert entities(found) == ids(rows)


async def test_a_row_that_changes_hands_takes_its_whole_history_along(opened: Opened):
    async with opened() as registry:
        await registry.write(
            f"UPDATE contexts SET owner_chitty_id = '{ME}', name = 'got'"
            f" WHERE chitty_id = '{THEIRS}'"
        )
        await registry.write(
            f"UPDATE contexts SET owner_chitty_id = '{THEM}' WHERE chitty_id = '{MINE}'"
        )

        found = await registry.seen(filter={"kinds": ["CONTEXT"]})

    assert entities(found) == ids({(CONTEXT, THEIRS)})
    assert [each["operation"] for each in found] == ["CREATED", "UPDATED"]


async def test_a_reference_to_a_row_that_the_viewer_does_not_see_is_null(opened: Opened):
    async with opened() as registry:
        await registry.write(
            f"UPDATE contexts SET owner_chitty_id = '{ME}', name = 'got'"
            f" WHERE chitty_id = '{THEIRS}'"
        )
        await registry.write(
            f"UPDATE installations SET suspended_by_chitty_id = '{THEM}',"
            f" account_login = 'b' WHERE installation_id = {APP}"
        )
        await registry.write(
            f"UPDATE installations SET suspended_by_chitty_id = '{FACE}'"
            f" WHERE installation_id = {APP}"
        )

        created, got = await registry.seen(filter={"entityId": global_ids.of_key(CONTEXT, THEIRS)})
        _, away, back = await registry.seen(
            filter={"entityId": global_ids.of_key(INSTALLATION, APP)}
        )

    assert created["after"]["owner"] is None
    mine = global_ids.of_key(ACTOR, ME)
    assert (got["before"]["owner"], got["after"]["owner"]) == (None, mine)
    face = global_ids.of_key(ACTOR, FACE)
    assert (away["before"]["suspendedBy"], away["after"]["suspendedBy"]) == (face, None)
    assert (back["before"]["suspendedBy"], back["after"]["suspendedBy"]) == (None, face)


GONE = {"nothing": 0, "registry:read": 0, "installations:write": 0, "audit:read": 2, "admin": 2}


@pytest.mark.parametrize(("capability", "count"), GONE.items(), ids=GONE)
async def test_the_changes_of_a_row_that_is_gone_are_for_those_who_audit(
    opened: Opened, capability: str, count: int
):
    gone = {"entityId": global_ids.of_key(CONNECTION, LINK)}
    async with opened(*([] if capability == "nothing" else [capability])) as registry:
        id_ = [
            each["id"]
            for each in (await registry.root.ask(CHANGES, filter=gone))["changes"]["nodes"]
        ]
        await registry.write(f"DELETE FROM connections WHERE connection_id = '{LINK}'")

        found = await registry.seen(filter=gone)
        by_id = await registry.me.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=id_)

    assert len(found) == count
    assert by_id["nodes"] == [{"id": id_[0]} if count else None]


async def test_the_private_values_of_another_actor_are_left_out(opened: Opened):
    async with opened() as registry:
        await registry.write(
            f"UPDATE actors SET email = 'face@example.org', display_name = 'face'"
            f" WHERE chitty_id = '{FACE}'"
        )

        of_face = await registry.seen(filter={"entityId": global_ids.of_key(ACTOR, FACE)})
        of_me = await registry.seen(filter={"entityId": global_ids.of_key(ACTOR, ME)})

    created, changed = of_face
    assert created["after"].keys().isdisjoint(PRIVATE)
    assert (changed["before"], changed["after"]) == (
        {"displayName": None},
        {"displayName": "face"},
    )
    assert of_me[0]["after"].keys() >= PRIVATE


ONLY_PRIVATE = {
    "nothing": False,
    "installations:write": False,
    "audit:read": False,
    "registry:read": True,
    "admin": True,
}


# What such a viewer sees of an actor's history nests deeper than the parser of rqlite 8.26.8 can follow.
TOO_DEEP = pytest.mark.files_only("the parser of the oldest rqlite holds no statement so deep")


@pytest.mark.parametrize(
    ("capability", "shown"),
    [
        pytest.param(name, shown, id=name, marks=[TOO_DEEP] * (name == "nothing"))
        for name, shown in ONLY_PRIVATE.items()
    ],
)
async def test_a_change_of_private_values_only_is_for_those_who_see_them(
    opened: Opened, capability: str, shown: bool
):
    async with opened(*([] if capability == "nothing" else [capability])) as registry:
        for name in (FACE, ME):
            await registry.write(f"UPDATE actors SET session_count = 7 WHERE chitty_id = '{name}'")

        face, own = [
            await registry.seen(filter={"entityId": global_ids.of_key(ACTOR, name)})
            for name in (FACE, ME)
        ]
        history = await registry.me.ask(
            f'{{ actor(chittyId: "{FACE}") {{ history {{ totalCount nodes {{ after }} }} }} }}'
        )
        found = await registry.root.ask(
            CHANGES, filter={"entityId": global_ids.of_key(ACTOR, FACE)}
        )
        by_id = await registry.me.ask(
            "query ($id: ID!) { node(id: $id) { id } }", id=found["changes"]["nodes"][-1]["id"]
        )

    assert len(own) == 2
    assert len(face) == 1 + shown
    if history["actor"] is not None:
        assert history["actor"]["history"]["totalCount"] == 1 + shown
    assert (by_id["node"] is not None) == shown


KEYS = {
    "nothing": "keys/mine",
    "registry:read": "keys/mine",
    "audit:read": "keys/mine",
    "admin": "keys/mine",
}


@pytest.mark.parametrize(("capability", "own"), KEYS.items(), ids=KEYS)
async def test_where_credentials_are_is_for_the_owner_and_admins(
    opened: Opened, capability: str, own: str
):
    async with opened(*([] if capability == "nothing" else [capability])) as registry:
        for link, key in ((LINK, "keys/mine"), (FAR_LINK, "keys/theirs")):
            await registry.write(
                f"UPDATE connections SET credentials_kv_key = '{key}',"
                f" updated_at = '2026-02-01T00:00:00.000Z' WHERE connection_id = '{link}'"
            )

        mine, theirs = [
            await registry.seen(filter={"entityId": global_ids.of_key(CONNECTION, link)})
            for link in (LINK, FAR_LINK)
        ]

    assert mine[1]["after"]["credentialsKvKey"] == own
    assert mine[1]["after"]["hasCredentials"] is True
    if capability == "nothing":
        assert theirs == []
    else:
        after = theirs[1]["after"]
        assert after.get("credentialsKvKey") == ("keys/theirs" if capability == "admin" else None)
        assert ("credentialsKvKey" in after) == (capability == "admin")
        assert after["hasCredentials"] is True
        assert theirs[1]["before"]["hasCredentials"] is False


async def test_who_made_a_change_is_shown_and_found_only_if_the_viewer_sees_it(opened: Opened):
    async with opened() as registry:
        for each, name in ((registry.root, "by root"), (registry.me, "by me")):
            await each.ask(RENAME, id=MINE, name=name)

        *_, by_root, by_me = await registry.seen(filter={"kinds": ["CONTEXT"]})
        found = {
            name: len(await registry.seen(filter={"actor": name})) for name in (ROOT, ME, THEM)
        }
        of_root = (await registry.root.ask(CHANGES, filter={"actor": ROOT}))["changes"]

    assert (by_root["actor"], by_me["actor"]) == (None, {"chittyId": ME})
    assert by_root["cause"] == "updateContext"
    assert found == {ROOT: 0, ME: 1, THEM: 0}
    assert [each["actor"] for each in of_root["nodes"]] == [{"chittyId": ROOT}]


async def test_who_audits_finds_changes_by_an_actor_that_it_does_not_see(opened: Opened):
    async with opened("audit:read") as registry:
        await registry.root.ask(
            f'mutation {{ deleteContext(input: {{ chittyId: "{THEIRS}" }}) {{ errors {{ message }} }} }}'
        )

        found = await registry.seen(filter={"actor": ROOT})

    assert {each["cause"] for each in found} == {"deleteContext"}
    assert {each["entity"] is None for each in found} == {True}
    assert [each["actor"] for each in found] == [None] * len(found)


async def test_the_id_of_a_change_of_anothers_row_is_that_of_none(opened: Opened):
    async with opened() as registry:
        theirs = (await registry.root.ask(CHANGES))["changes"]["nodes"]
        mine = {each["id"] for each in await registry.seen()}
        asked = [each["id"] for each in theirs if each["id"] not in mine]

        found = await registry.me.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=asked)

    assert len(asked) == len(FOREIGN)
    assert found["nodes"] == [None] * len(asked)
