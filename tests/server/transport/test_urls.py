"""A request's URL is split, or refused, as uvicorn's own protocol does it."""

import asyncio
import random
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from tests.support.services.transport_server import answer, protocols

PIECES = [bytes([byte]) for byte in range(256) if byte not in b" \r\n"]
PIECES += [b"/", b"?", b"#", b"%41", b":", b"@", b"&", b"=", b"http://", b"//", b"/a", b"?a=b"] * 60


class Connection(asyncio.Transport):
    """A client's side that is kept in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0


class Splits:
    """An application that remembers how URLs were split."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append([scope[name] for name in ("path", "raw_path", "query_string")])
        await answer(send)


async def split(url: bytes, *, by_uvicorn: bool) -> Any:
    """What the application sees of this URL; the status if it sees nothing."""
    app = Splits()
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    config.load()
    make: Any = HttpToolsProtocol if by_uvicorn else protocols()[0]
    connection = make(config=config, server_state=ServerState(), app_state={})
    transport = Connection()
    connection.connection_made(transport)
    connection.data_received(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % url)
    await asyncio.gather(*connection.tasks)
    connection.connection_lost(None)
    return app.seen or transport.written[:12]


async def test_random_urls_are_split_as_by_uvicorn():
    of, paths = random.Random(7), 0
    for number in range(2_000):
        start = b"/g?" if number % 2 else b""
        url = start + b"".join(of.choices(PIECES, k=of.randint(1, 6)))

        found = await split(url, by_uvicorn=False)

        assert found == await split(url, by_uvicorn=True), url
        paths += isinstance(found, list)

    assert 600 < paths < 1_900
