"""A stream without events is kept alive at even times: their distance tells nothing of what others write."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.http.turns import Lane
from server.subscriptions import listeners
from tests.support.registries.databases import adding
from tests.support.requests.event_streams import Stream, listening
from tests.support.services.local_server import serving
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.waits

CHANGES = "subscription { changes { entityId } }"


@contextmanager
def occupied(lane: Lane) -> Iterator[None]:
    """Take all the turns that there are, so that what comes now waits."""
    lane.is_backlogged = lambda: True
    held = []
    while (turn := lane.arrive(None, (), "others")).is_running:
        held.append(turn)
    yield
    for each in [*held, turn]:
        each.end()


async def comments(stream: Stream, count: int) -> list[str]:
    """The lines up to so many comments."""
    found: list[str] = []
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while found.count(":") < count:
            found.append(await anext(stream._lines))
    return found


async def test_a_stream_is_kept_alive_while_a_change_waits_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listeners, "IDLE_SECONDS", 0.1)
    async with (
        serving(tmp_path / "registry.db") as server,
        listening(server.url, CHANGES) as stream,
    ):
        with occupied(server.app.service.admission.requests):
            await server.app.service.db.write(adding("ADA"))
            lines = await comments(stream, 3)
        told = [await stream.next()]
        await server.app.service.db.write(adding("BERT"))
        told.append(await stream.next())

    assert {line for line in lines if line and not line.startswith("id: ")} == {":"}
    assert len({each["data"]["changes"]["entityId"] for each in told}) == 2
