"""Issuing a key is one batch: the key and the administrator that it makes are stored together, or neither."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from db.commands import issued_keys
from db.errors import Refused
from db.security.api_keys import NewKey
from resolvers.minting import Mint, mint_locally
from resolvers.operation_context import OperationContext
from resolvers.permissions import OPERATOR
from server.auth import issuing
from server.auth.issuing import KeyOptions
from tests.support.services.api import Api, running
from tests.support.services.sqlite_transport import running_remote

pytestmark = pytest.mark.files_only(
    "it issues keys on a file and on an engine of its own that commits each batch"
)
ADD = """
    INSERT INTO actors (chitty_id, actor_type, status, created_at, updated_at)
    VALUES (:id, 'human', :status, :at, :at)
"""
AT = "2026-01-01T00:00:00.000Z"
KEYS = "SELECT actor_chitty_id FROM api_keys"
HELD = "SELECT chitty_id, capabilities FROM actors ORDER BY chitty_id"


@asynccontextmanager
async def service(folder: Path, name: str) -> AsyncIterator[Api]:
    """A service over a file, or one that reaches it as an engine over HTTP."""
    start = running if name == "file" else running_remote
    async with start(folder / "registry.db") as api:
        await api.put(ADD, id="ADA", status="active", at=AT)
        await api.put(ADD, id="EVE", status="suspended", at=AT)
        yield api


@pytest.fixture(params=["file", "remote"])
async def api(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    """Each of them, with an active and a suspended actor."""
    async with service(tmp_path, request.param) as api:
        yield api


def context(api: Api, mint: Mint = mint_locally) -> OperationContext:
    """As a command has it."""
    return OperationContext(db=api.service.db, cursor_key=b"", viewer=OPERATOR, mint=mint)


async def test_a_new_administrator_has_a_key(api: Api):
    issued = await issuing.to_new_admin(context(api), "Root", KeyOptions(label="first"))

    actor = issued.stored.actor_chitty_id
    assert await api.rows(KEYS) == [(actor,)]
    assert (actor, '["admin"]') in await api.rows(HELD)


async def test_a_new_administrator_whose_id_is_taken_gets_another_and_nobody_else_a_key(api: Api):
    minted = ["ADA", "EVE", "CHITTY-ACTOR-ROOT"]

    async def mint(_: str) -> str:
        return minted.pop(0)

    with_one_taken = context(api, mint)
    minted.remove("EVE")
    issued = await issuing.to_new_admin(with_one_taken, "Root", KeyOptions())

    assert issued.stored.actor_chitty_id == "CHITTY-ACTOR-ROOT"
    assert await api.rows(KEYS) == [("CHITTY-ACTOR-ROOT",)]


async def test_an_actor_becomes_an_administrator_with_its_key(api: Api):
    await issuing.to_actor(context(api), "ADA", KeyOptions(), grant_admin=True)
    await issuing.to_actor(context(api), "ADA", KeyOptions(), grant_admin=True)

    assert await api.rows(KEYS) == [("ADA",), ("ADA",)]
    assert await api.rows(HELD) == [("ADA", '["admin"]'), ("EVE", "[]")]


@pytest.mark.parametrize(("actor", "code"), [("EVE", "CONFLICT"), ("NOBODY", "NOT_FOUND")])
@pytest.mark.parametrize("grant_admin", [True, False])
async def test_who_gets_no_key_is_no_administrator_either(
    api: Api, actor: str, code: str, grant_admin: bool
):
    with pytest.raises(Refused) as refused:
        await issuing.to_actor(context(api), actor, KeyOptions(), grant_admin=grant_admin)

    assert [problem.code.value for problem in refused.value.problems] == [code]
    assert await api.rows(KEYS) == []
    assert await api.rows(HELD) == [("ADA", "[]"), ("EVE", "[]")]


async def test_capabilities_that_were_changed_meanwhile_are_not_overwritten(api: Api):
    stale: Any = '["registry:read"]'

    with pytest.raises(Refused, match="ADA was changed just now: try again"):
        await api.service.db.write(
            issued_keys.create_and_grant(NewKey("key", "ADA", "digest"), stale, ["admin"])
        )

    assert await api.rows(KEYS) == []
    assert await api.rows(HELD) == [("ADA", "[]"), ("EVE", "[]")]
