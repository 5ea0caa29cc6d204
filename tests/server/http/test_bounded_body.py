"""Bodies are bounded one by one and all together, whatever the pieces that they arrive in."""

import asyncio
import tracemalloc
from collections.abc import Sequence

import pytest
from starlette.types import Message

from server.http.bounded_body import BodyReader
from server.http.errors import HTTPError

EACH, TOTAL = 1_000, 2_500


class Client:
    """A client that sends a body piece by piece, and keeps the connection open."""

    def __init__(self, *pieces: bytes) -> None:
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self.send(*pieces)

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._messages.put_nowait({"type": "http.request", "body": piece, "more_body": True})

    def end(self) -> None:
        self._messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    def leave(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})

    async def receive(self) -> Message:
        return await self._messages.get()


def reading(bodies: BodyReader, client: Client) -> "asyncio.Task[bytes]":
    return asyncio.ensure_future(bodies.read(client.receive, b""))


async def until_held(bodies: BodyReader, size: int) -> None:
    """Wait turn by turn: a test looks at what happens within one turn of the event loop."""
    async with asyncio.timeout(60):
        while bodies.budget.held != size:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def refusal(task: "asyncio.Task[bytes]") -> tuple[int, dict[str, str]]:
    with pytest.raises(HTTPError) as refused:
        await asyncio.wait_for(task, 60)
    return refused.value.status, refused.value.headers


async def test_a_body_arrives_whole_in_any_pieces():
    bodies = BodyReader(each=EACH, total=TOTAL)
    client = Client(b"{", b"", b"x" * 998, b"}")
    client.end()

    body = await reading(bodies, client)

    assert body == b"{" + b"x" * 998 + b"}"
    assert bodies.budget.held == 0


async def test_the_largest_unfinished_body_makes_room_for_the_others():
    bodies = BodyReader(each=EACH, total=TOTAL)
    clients = [Client(b"x" * size) for size in (800, 900, 700)]
    large = [reading(bodies, client) for client in clients]
    await until_held(bodies, 2_400)
    late = Client(b"y" * 99)
    small = reading(bodies, late)
    await until_held(bodies, 2_499)

    late.send(b"yy")

    assert await refusal(large[1]) == (503, {"retry-after": "1"})
    for client in (clients[0], clients[2], late):
        client.end()
    assert [len(await task) for task in (large[0], large[2], small)] == [800, 700, 101]
    assert bodies.budget.held == 0


async def test_a_body_that_is_itself_the_largest_is_refused():
    bodies = BodyReader(each=EACH, total=TOTAL)
    others = [reading(bodies, Client(b"x" * 600)) for _ in range(4)]
    await until_held(bodies, 2_400)

    assert await refusal(reading(bodies, Client(b"x" * 700))) == (503, {"retry-after": "1"})

    assert bodies.budget.held == 2_400
    for other in others:
        other.cancel()
    await asyncio.wait(others)
    assert bodies.budget.held == 0


async def test_a_whole_body_counts_until_it_is_released_but_is_never_given_up():
    bodies = BodyReader(each=EACH, total=EACH)
    client = Client(b"x" * 900)
    client.end()

    with bodies.open() as body:
        whole = await body.read(client.receive)
        refused = await refusal(reading(bodies, Client(b"y" * 101)))

        assert (len(whole), refused[0]) == (900, 503)

    after = Client(b"y" * 101)
    after.end()
    assert len(await reading(bodies, after)) == 101


@pytest.mark.parametrize("ending", ["cancelled", "too large", "gone"])
async def test_a_body_that_ends_early_gives_its_room_back(ending: str):
    bodies = BodyReader(each=EACH, total=TOTAL)
    client = Client(b"x" * 900)
    task = reading(bodies, client)
    await until_held(bodies, 900)

    if ending == "cancelled":
        task.cancel()
    elif ending == "gone":
        client.leave()
    else:
        client.send(b"x" * 101)
    await asyncio.wait([task])

    assert bodies.budget.held == 0


async def test_a_reader_that_is_cancelled_while_its_body_is_given_up_stays_cancelled():
    bodies = BodyReader(each=EACH, total=EACH)
    large = reading(bodies, Client(b"x" * 900))
    await until_held(bodies, 900)
    small = Client(b"y" * 101)
    task = reading(bodies, small)
    await until_held(bodies, 101)

    large.cancel()
    task.cancel()
    await asyncio.wait([large, task])

    assert large.cancelled()


SHAPES: dict[str, Sequence[bytes]] = {
    "one byte each": [b"x"] * 100_000,
    "mostly empty": [b"", b"x", b"", b""] * 25_000,
}


@pytest.mark.parametrize("pieces", SHAPES.values(), ids=SHAPES)
async def test_small_pieces_take_no_more_memory_than_their_bytes(pieces: Sequence[bytes]):
    bodies = BodyReader(each=200_000, total=200_000)
    sent = iter(pieces)
    waiting = asyncio.Event()

    async def receive() -> Message:
        piece = next(sent, None)
        if piece is None:
            waiting.set()
            await asyncio.Event().wait()
        return {"type": "http.request", "body": piece, "more_body": True}

    tracemalloc.start()
    try:
        task = asyncio.ensure_future(bodies.read(receive, b""))
        await waiting.wait()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        task.cancel()

    assert taken < 2 * sum(map(len, pieces)) + 20_000


@pytest.mark.parametrize("declared", [b"1001", b"9" * 500])
async def test_a_declared_length_beyond_the_limit_is_refused_before_the_body(declared: bytes):
    bodies = BodyReader(each=EACH, total=TOTAL)

    with pytest.raises(HTTPError) as refused:
        await bodies.read(Client().receive, declared)

    assert refused.value.status == 413
