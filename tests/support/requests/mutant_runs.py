"""Runs of mutated requests: each is sent, and its answer held to be sound."""

import asyncio
import math
import random
import statistics
import time
from collections.abc import Callable, Iterable

from tests.support.requests.mutated_requests import mutant
from tests.support.requests.raw_http import Answer, answers
from tests.support.services.server_process import TIMEOUT_SECONDS

AT_ONCE = 64
# Longer than this an answer must not take; where good requests are slow too, so many times what they take.
SECONDS, TIMES = 1.0, 20
GOOD_EVERY = 10
# What is left open is closed after a second, so that an answer which never comes is seen to be missing.
FLAGS = (
    *("--log-level", "error", "--idle-seconds", "1"),
    *("--head-seconds", "0.2", "--body-seconds", "0.2"),
)
PATHS_OF_TEXT = ("text/plain", "text/html")
GOOD = (
    b"GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
)


async def exchanged(port: int, sent: bytes) -> tuple[bytes, float]:
    """What a request is answered with until the server closes, and the seconds to the last of that.

    They are infinite where nothing came, or the server has not closed.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received, started = b"", time.monotonic()
    last = math.inf
    try:
        writer.write(sent)
        while more := await asyncio.wait_for(reader.read(2**16), TIMEOUT_SECONDS):
            received, last = received + more, time.monotonic()
    except ConnectionError:
        pass
    except TimeoutError:
        last = math.inf
    finally:
        writer.transport.abort()
    return received, last - started


def assert_sound(sent: bytes, received: bytes) -> None:
    for answer in answers(received, to_head=sent.startswith(b"HEAD")):
        assert_one_is_sound(answer)


def assert_one_is_sound(answer: Answer) -> None:
    assert answer.status < 500
    if answer.is_json and answer.body:
        answer.json()
    elif answer.body:
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(PATHS_OF_TEXT)


class MutantRun:
    """Mutants that were sent: what was wrong with their answers, and how long all of them took.

    `at` is told how many have been answered.
    """

    def __init__(self, port: int, seed: int, at: Callable[[int], None] = lambda _: None) -> None:
        self.port = port
        self._at = at
        self.seed = seed
        self.wrong: list[str] = []
        self.took: dict[int, float] = {}
        self.good: list[float] = []

    async def send(self, requests: int) -> None:
        """Send this many mutants, and again alone what was late beside others, or cut off."""
        shares = (range(start, requests, AT_ONCE) for start in range(AT_ONCE))
        await asyncio.gather(*(self.share(share) for share in shares))
        await self.share(self.slow())

    async def share(self, numbers: Iterable[int]) -> None:
        """Send these mutants one after the other, and good requests among them."""
        for place, number in enumerate(numbers):
            await self._mutant(number)
            if place % GOOD_EVERY == 0:
                _, seconds = await exchanged(self.port, GOOD)
                self.good.append(seconds)

    async def _mutant(self, number: int) -> None:
        sent = mutant(random.Random(self.seed + number))
        received, seconds = await exchanged(self.port, sent)
        self._at(len(self.took))
        self.took[number] = seconds if sent.strip() else 0  # nothing is answered with nothing
        try:
            assert_sound(sent, received)
        except Exception as error:  # whichever: it is told with what brought it about
            self.wrong.append(f"{number}: {error!r}\n{sent!r}\n{received!r}")

    def slow(self) -> dict[int, float]:
        """The mutants whose answers took too long or did not come, and how long."""
        longest = max(SECONDS, TIMES * statistics.median(self.good))
        return {number: seconds for number, seconds in self.took.items() if seconds > longest}
