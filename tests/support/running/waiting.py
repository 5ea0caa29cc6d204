"""Waits for what no event tells of; a test that waits in vain fails after minutes, and may say why."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from tests.support.services.server_process import TIMEOUT_SECONDS

LOOK_SECONDS = 0.02  # between two looks, so that what is waited for has the processor
Found = TypeVar("Found")


def wait_until(look: Callable[[], Found | None], describe: Callable[[], object] = str) -> Found:
    """Look until something true is found; returns that."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, describe()
        time.sleep(LOOK_SECONDS)
    return found


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds, while the event loop goes on."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not holds():  # noqa: ASYNC110 - it may depend on anything
            await asyncio.sleep(0.001)
