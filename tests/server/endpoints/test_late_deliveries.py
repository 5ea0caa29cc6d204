"""Requests with an Idempotency-Key that are delivered late and repeatedly count once."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from db.model import column_types
from db.model.tables import TABLES
from tests.resolvers.test_permissions import PARTS
from tests.support.registries.permissions import LINK, ME, MINE, THEM, registry
from tests.support.requests.idempotent_requests import (
    OTHER_LINK,
    USES,
    codes,
    request_of,
    send,
)
from tests.support.services.api import Api
from tests.support.services.asgi_client import Answer


async def test_repeated_deliveries_in_any_order_count_once(tmp_path: Path):
    chance = random.Random(17)
    async with registry(tmp_path, "admin") as (me, _):
        requests = {f"key-{number}": (chance.choice([None, 1, 5]), number) for number in range(40)}
        deliveries = [key for key in requests for _ in range(chance.randrange(1, 5))]
        chance.shuffle(deliveries)
        answers: dict[str, set[bytes]] = {key: set() for key in requests}

        async def deliver(key: str) -> None:
            count, _ = requests[key]
            name = {"connectionId": LINK} | ({} if count is None else {"requests": count})
            answer = await send(me, request_of("recordConnectionUse", name), key)
            answers[key].add(answer.body)

        while deliveries:
            together = [
                deliveries.pop() for _ in range(min(len(deliveries), chance.randrange(1, 9)))
            ]
            await asyncio.gather(*map(deliver, together))

        assert await me.rows(USES, link=LINK) == [
            (sum(count or 1 for count, _ in requests.values()),)
        ]
        assert {len(bodies) for bodies in answers.values()} == {1}
        recorded = await me.rows("SELECT count(*) FROM changes WHERE cause = 'recordConnectionUse'")
        assert recorded == [(len(requests),)]


NEW = "CHITTY-CONTEXT-NEW"
# What undoes, refuses or overtakes one another, so that the order and the number of deliveries matter.
STEPS: list[tuple[str, dict[str, Any]]] = [
    *(
        ("updateContext", {"chittyId": context, "name": name})
        for context in (MINE, NEW)
        for name in "ab"
    ),
    *(("updateContext", {"chittyId": MINE, "active": active}) for active in (True, False)),
    *(("deleteContext", {"chittyId": context}) for context in (MINE, NEW)),
    *(("restoreContext", {"chittyId": context}) for context in (MINE, NEW)),
    *(("transferContext", {"chittyId": MINE, "newOwner": owner}) for owner in (ME, THEM)),
    *(("createContext", {"chittyId": NEW, "name": name, "owner": ME}) for name in "ab"),
    *((mutation, {"chittyId": THEM}) for mutation in ("suspendActor", "reinstateActor")),
    *((mutation, {"connectionId": LINK}) for mutation in ("disconnect", "reconnect")),
    *(
        ("reportConnectionHealth", {"connectionId": LINK, "healthy": each})
        for each in (True, False)
    ),
    ("recordConnectionUse", {"connectionId": LINK}),
    ("openConnection", OTHER_LINK),
    *(
        (mutation, {"installationId": "1"})
        for mutation in ("suspendInstallation", "unsuspendInstallation", "removeInstallation")
    ),
    ("recordInstallation", {"installationId": "1", **PARTS}),
    ("recordActorSeen", {"chittyId": ME, "newSession": True}),
]


async def state_of(api: Api) -> list[Any]:
    """All rows, and how each came about, without times."""
    names = [
        ", ".join(
            name
            for name, column in table.columns.items()
            if column.type is not column_types.INSTANT
        )
        for table in TABLES
    ]
    found = [
        await api.rows(f"SELECT {shown} FROM {table.name} ORDER BY {table.key}")
        for table, shown in zip(TABLES, names, strict=True)
    ]
    history = "SELECT cause, kind, key, operation FROM changes ORDER BY sequence"
    return [*found, await api.rows(history)]


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in (1, 2))]
)
async def test_late_and_repeated_deliveries_leave_what_single_ones_leave(tmp_path: Path, seed: int):
    chance = random.Random(seed)
    requests = [request_of(*chance.choice(STEPS)) for _ in range(80)]
    (tmp_path / "once").mkdir()
    (tmp_path / "often").mkdir()
    async with (
        registry(tmp_path / "once", "admin") as (once, _),
        registry(tmp_path / "often", "admin") as (often, _),
    ):
        answers: list[Answer] = []
        for number, request in enumerate(requests):
            single = await send(once, request, f"{number}")
            answers.append(await send(often, request, f"{number}"))
            assert codes(answers[-1].body) == codes(single.body)
            for late in chance.choices(range(number + 1), k=chance.randrange(3)):
                assert await send(often, requests[late], f"{late}") == answers[late]

        assert await state_of(often) == await state_of(once)
    refused = [answer for answer in answers if codes(answer.body)]
    assert 10 < len(refused) < 60
