"""Mutated requests to a real server: no fault, no answer that is not JSON, none slow or lost."""

import asyncio
import gzip
import math
from urllib.parse import urlsplit

import pytest

from tests.support.corpus.sharing import counts
from tests.support.requests.mutant_runs import FLAGS, GOOD, MutantRun, assert_sound, exchanged
from tests.support.requests.raw_http import NoAnswer, answers
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

pytestmark = pytest.mark.waits

REQUESTS = counts(2_000, by_default=200)


@pytest.mark.parametrize("requests", REQUESTS)
@pytest.mark.parametrize("seed", [20_261_122])
async def test_mutated_requests_are_answered_soundly(tmp_path, monkeypatch, seed, requests):
    monkeypatch.setenv("CHITTYGRAPH_GITHUB_WEBHOOK_SECRET", "a secret of this test")
    with served(tmp_path / "registry.db", "--demo", *FLAGS) as (process, said):
        port = urlsplit(url_of(said, "/graphql")).port
        assert port
        await exchanged(port, GOOD)  # waits until the server has begun
        asked = MutantRun(port, seed)

        await asked.send(requests)
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
