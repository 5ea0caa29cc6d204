"""Fields that run on after their operation has failed take nothing with them."""

import asyncio
from pathlib import Path

from tests.support.registries.databases import NOW
from tests.support.services.api import Api, running

ACTOR = f"""
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
    VALUES ('CHITTY-ACTOR-ADA', 'human', '{NOW}', '{NOW}')
"""
CONTEXT = f"""
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
    VALUES ('CHITTY-CONTEXT-WORK', 'work', 'CHITTY-ACTOR-ADA', '{NOW}', 'yesterday')
"""
# `updatedAt` fails at once, which makes the whole list null while `owner` is still being looked up.
FAILS = "{ contexts { nodes { owner { contexts { nodes { name } } } updatedAt } } }"


async def test_a_failed_operation_leaves_its_connection_to_the_next(tmp_path: Path):
    async with running(tmp_path / "registry.db", readers=1, compiled=False) as api:
        await api.put(ACTOR)
        await api.put(CONTEXT)

        failed = [await asyncio.wait_for(api.post(FAILS), 10) for _ in range(20)]
        afterwards = await asyncio.wait_for(_names(api), 10)

    assert [answer["data"] for answer in failed] == [{"contexts": None}] * 20
    assert afterwards == ["work"]


async def _names(api: Api) -> list[str]:
    answer = await api.ask("{ contexts { nodes { name } } }")
    return [context["name"] for context in answer["contexts"]["nodes"]]
