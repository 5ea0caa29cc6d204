"""Clients who connect at once are all accepted within a few turns of the event loop."""

import asyncio
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.services.local_server import serving

uvloop = pytest.importorskip("uvloop", reason="Windows has none")
CLIENTS = 64


async def turns_until_all_are_accepted(database: Path) -> int:
    async with serving(database) as server:
        with ExitStack() as clients:
            for _ in range(CLIENTS):
                clients.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            turns = 0
            while len(server.connections) < CLIENTS and turns < 2 * CLIENTS:
                await asyncio.sleep(0)
                turns += 1
    return turns


def test_several_connections_are_accepted_in_one_turn(tmp_path: Path):
    turns = uvloop.run(turns_until_all_are_accepted(tmp_path / "registry.db"))

    assert turns < CLIENTS / 3
