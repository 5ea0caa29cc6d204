"""What the workers of one server tell each other: their figures, over Unix sockets.

A scrape reaches one worker; it asks the others for theirs. They meet in a folder that the parent makes
for them, which only its user may enter. Nothing is shared between requests, and a worker that ended
is simply not there any more.
"""

import asyncio
import logging
import multiprocessing
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

# No setting, as nobody chooses it: it goes from the parent to the workers that it starts.
MEETING_PLACE = "_CHITTYGRAPH_WORKERS_MEET_IN"
ANSWER_SECONDS = 1.0
ONLY = "1"

log = logging.getLogger(__name__)


def number() -> str:
    """The number of this worker among all that its parent has started."""
    own = multiprocessing.current_process().name.rpartition("-")[2]
    return own if own.isdecimal() else ONLY


@contextmanager
def meeting() -> Iterator[None]:
    """Give the workers that are started inside a place to meet."""
    with tempfile.TemporaryDirectory(prefix="chittygraph-") as folder:
        os.environ[MEETING_PLACE] = folder
        try:
            yield
        finally:
            del os.environ[MEETING_PLACE]


@asynccontextmanager
async def telling(tell: Callable[[], bytes]) -> AsyncIterator[None]:
    """Let siblings, where there may be any, ask for what `tell` returns."""
    folder = os.environ.get(MEETING_PLACE)
    if folder is None:
        yield
        return

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(tell())
        finally:
            writer.close()

    own = Path(folder, number())
    async with await asyncio.start_unix_server(answer, own):
        try:
            yield
        finally:
            _forget(own)


async def told() -> list[bytes]:
    """What the siblings tell; one that does not within a second is left out, and logged."""
    return [answer for answer in await asyncio.gather(*map(_ask, _others())) if answer]


def _others() -> list[Path]:
    folder = os.environ.get(MEETING_PLACE)
    sockets = sorted(Path(folder).iterdir()) if folder is not None else []
    return [socket for socket in sockets if socket.name != number()]


def _forget(socket: Path) -> None:
    socket.unlink(missing_ok=True)


async def _ask(sibling: Path) -> bytes:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_unix_connection(sibling)
            try:
                return await reader.read()
            finally:
                writer.close()
    except ConnectionRefusedError:  # it was killed, and left its socket behind
        _forget(sibling)
    except (OSError, TimeoutError) as error:
        extra = {"worker": sibling.name, "reason": type(error).__name__}
        log.warning("worker told no figures", extra=extra)
    return b""
