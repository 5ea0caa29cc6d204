"""Mutated requests to a real server: no fault, no answer that is not JSON, none slow or lost."""

import asyncio
import gzip
import math
import random
import statistics
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

import pytest

from tests.support.corpus.sharing import counts
from tests.support.requests.mutated_requests import mutant
from tests.support.requests.raw_http import Answer, NoAnswer, answers
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

REQUESTS = counts(2_000, by_default=200)
AT_ONCE = 64
# Longer than this an answer must not take; where good requests are slow too, so many times what they take.
SECONDS, TIMES = 1.0, 20
GOOD_EVERY = 10
# What is left open is closed after a second, so that an answer which never comes is seen to be missing.
FLAGS = (
    *("--demo", "--log-level", "error", "--idle-seconds", "1"),
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
    """Mutants that were sent: what was wrong with their answers, and how long all of them took."""

    def __init__(self, port: int, seed: int) -> None:
        self.port = port
        self.seed = seed
        self.wrong: list[str] = []
        self.took: dict[int, float] = {}
        self.good: list[float] = []

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
        self.took[number] = seconds if sent.strip() else 0  # nothing is answered with nothing
        try:
            assert_sound(sent, received)
        except Exception as error:  # whichever: it is told with what brought it about
            self.wrong.append(f"{number}: {error!r}\n{sent!r}\n{received!r}")

    def slow(self) -> dict[int, float]:
        """The mutants whose answers took too long or did not come, and how long."""
        longest = max(SECONDS, TIMES * statistics.median(self.good))
        return {number: seconds for number, seconds in self.took.items() if seconds > longest}


@pytest.mark.parametrize("requests", REQUESTS)
@pytest.mark.parametrize("seed", [20_261_122])
async def test_mutated_requests_are_answered_soundly(tmp_path, monkeypatch, seed, requests):
    monkeypatch.setenv("CHITTYGRAPH_GITHUB_WEBHOOK_SECRET", "a secret of this test")
    with served(tmp_path / "registry.db", *FLAGS) as (process, said):
        port = urlsplit(url_of(said, "/graphql")).port
        assert port
        await exchanged(port, GOOD)  # waits until the server has begun
        asked = MutantRun(port, seed)
        shares = (range(start, requests, AT_ONCE) for start in range(AT_ONCE))

        await asyncio.gather(*(asked.share(share) for share in shares))
        # What was late beside so many others, or cut off before all of it was sent, is asked again alone.
        await asked.share(asked.slow())
        good, _ = await exchanged(port, GOOD)
        process.terminate()
        _, logged = process.communicate(timeout=TIMEOUT_SECONDS)

    assert asked.wrong == []
    assert asked.slow() == {}
    assert len(asked.took) == requests
    assert [answer.json() for answer in answers(good)] == [{"data": {"__typename": "Query"}}]
    assert logged == ""


@pytest.mark.parametrize(
    ("received", "fault"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{}", NoAnswer),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n{",
            ValueError,
        ),
        (b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n", AssertionError),
    ],
    ids=["half an answer", "no JSON", "a fault"],
)
def test_an_answer_that_is_not_sound_is_noticed(received, fault):
    with pytest.raises(fault):
        assert_sound(GOOD, received)


def test_a_compressed_answer_is_read():
    body = gzip.compress(b'{"data":null}')
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n"
        b"content-length: %d\r\n\r\n"
    )

    assert_sound(GOOD, head % len(body) + body)


def test_a_slow_answer_is_noticed_and_a_slow_machine_is_not():
    asked = MutantRun(port=0, seed=0)
    asked.took = {1: 0.9, 2: 1.1, 3: 5.0, 4: math.inf}

    asked.good = [0.01, 0.02, 3.0]
    on_a_quick_machine = asked.slow()
    asked.good = [0.1, 0.2, 0.3]
    on_a_slow_one = asked.slow()

    assert on_a_quick_machine == {2: 1.1, 3: 5.0, 4: math.inf}
    assert on_a_slow_one == {3: 5.0, 4: math.inf}


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [(b"", math.inf), (b"HTTP/1.1 204 No Content\r\n\r\n", 0)],
    ids=["silence", "an answer"],
)
async def test_silence_is_no_answer(answer, seconds):
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1") as server:
        received, took = await exchanged(server.sockets[0].getsockname()[1], GOOD)

    assert received == answer
    assert took >= seconds
