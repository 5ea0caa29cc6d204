"""How the worker that is scraped gets the other workers' metrics: over Unix sockets."""

import asyncio
import logging
import multiprocessing
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from db import temporary_folders

# Not a setting: the parent passes it on to its workers.
FOLDER_VARIABLE = "_CHITTYGRAPH_WORKER_SOCKETS"
RESPONSE_SECONDS = 1.0
ONLY_WORKER = "1"

log = logging.getLogger(__name__)


def worker_number() -> str:
    """The number of this worker, counted over all that its parent has started."""
    number = multiprocessing.current_process().name.rpartition("-")[2]
    return number if number.isdecimal() else ONLY_WORKER


@contextmanager
def socket_folder() -> Iterator[None]:
    """Make the folder, private to this user, for the sockets of the workers that are started inside."""
    with temporary_folders.create() as folder:
        os.environ[FOLDER_VARIABLE] = str(folder)
        try:
            yield
        finally:
            del os.environ[FOLDER_VARIABLE]


@asynccontextmanager
async def publish(metrics: Callable[[], bytes]) -> AsyncIterator[None]:
    """Send the current `metrics` to every worker that asks; does nothing if there is only one worker."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        yield
        return

    async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(metrics())
        finally:
            writer.close()

    socket = Path(folder, worker_number())
    async with await asyncio.start_unix_server(respond, socket):
        try:
            yield
        finally:
            _remove(socket)


async def collect() -> list[bytes]:
    """The metrics of the other workers; one that does not respond within a second is left out and logged."""
    responses = await asyncio.gather(*map(_request, _other_sockets()))
    return [response for response in responses if response]


def _other_sockets() -> list[Path]:
    folder = os.environ.get(FOLDER_VARIABLE)
    sockets = sorted(Path(folder).iterdir()) if folder is not None else []
    return [each for each in sockets if each.name.isdecimal() and each.name != worker_number()]


def _remove(socket: Path) -> None:
    socket.unlink(missing_ok=True)


async def _request(socket: Path) -> bytes:
    try:
        async with asyncio.timeout(RESPONSE_SECONDS):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                return await reader.read()
            finally:
                writer.close()
    except ConnectionRefusedError:  # the worker was killed and left its socket behind
        _remove(socket)
    except (OSError, TimeoutError) as error:
        extra = {"worker": socket.name, "reason": type(error).__name__}
        log.warning("worker sent no metrics", extra=extra)
    return b""
