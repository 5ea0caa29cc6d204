"""Two thousand mutated requests to a real server: no fault, no answer that is not JSON, none slow."""

import asyncio
import random
import time
from urllib.parse import urlsplit

import pytest

from tests.mutants import mutant
from tests.raw import Answer, answers
from tests.serving import served, url_of

REQUESTS = 2_000
AT_ONCE = 32
SECONDS = 1.0
QUIET_SECONDS = 0.6  # longer than the server waits for the rest of a request
FLAGS = ("--demo", "--log-level", "error", "--head-seconds", "0.2", "--body-seconds", "0.2")
PATHS_OF_TEXT = ("text/plain", "text/html")
GOOD = b"GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nConnection: close\r\n\r\n"


async def exchanged(port: int, sent: bytes) -> tuple[bytes, float]:
    """What a request is answered with, and the seconds until the last of that came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received, started = b"", time.monotonic()
    last = started
    try:
        writer.write(sent)
        while more := await asyncio.wait_for(reader.read(2**16), QUIET_SECONDS):
            received, last = received + more, time.monotonic()
    except (ConnectionError, TimeoutError):
        pass
    finally:
        writer.transport.abort()
    return received, last - started


def assert_sound(answer: Answer) -> None:
    assert answer.status < 500
    if answer.is_json and answer.body:
        answer.json()
    elif answer.body:
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(PATHS_OF_TEXT)


async def asked(port: int, numbers: range, seed: int) -> list[str]:
    """What is wrong with the answers to these mutants."""
    wrong = []
    for number in numbers:
        sent = mutant(random.Random(seed + number))
        received, seconds = await exchanged(port, sent)
        try:
            for answer in answers(received, to_head=sent.startswith(b"HEAD")):
                assert_sound(answer)
            assert seconds < SECONDS
        except Exception as error:  # whichever: it is told with what brought it about
            wrong.append(f"{number}: {error!r} after {seconds:.2f} s\n{sent!r}\n{received!r}")
    return wrong


@pytest.mark.parametrize("seed", [20_261_122])
async def test_mutated_requests_are_answered_soundly(tmp_path, monkeypatch, seed):
    monkeypatch.setenv("CHITTYGRAPH_GITHUB_WEBHOOK_SECRET", "a secret of this test")
    with served(tmp_path / "registry.db", *FLAGS) as (process, said):
        port = urlsplit(url_of(said, "/graphql")).port
        assert port
        shares = [range(start, REQUESTS, AT_ONCE) for start in range(AT_ONCE)]

        wrong = await asyncio.gather(*(asked(port, share, seed) for share in shares))
        good, _ = await exchanged(port, GOOD)
        process.terminate()
        _, logged = process.communicate(timeout=30)

    assert [each for share in wrong for each in share] == []
    assert [answer.json() for answer in answers(good)] == [{"data": {"__typename": "Query"}}]
    assert logged == ""
