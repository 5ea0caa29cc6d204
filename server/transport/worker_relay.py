"""Requests that another worker has to answer, over Unix sockets: it has the state that they are about."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Scope, Send

from server.telemetry.logs import request_id
from server.telemetry.worker_exchange import FOLDER_VARIABLE, worker_number

LENGTH_BYTES = 4
MOST_BYTES = (
    2**22
)  # of a head; the body after it has the bytes that one worker accepts from a client
CHUNK_BYTES = 2**16
HEAD_SECONDS = 10.0  # in which the other worker begins to answer, unless it hangs
NAME = "relay-%s"

log = logging.getLogger(__name__)


@asynccontextmanager
async def answering(app: ASGIApp, extra: Mapping[str, Any]) -> AsyncIterator[None]:
    """Answer by `app` what other workers relay; its scopes get `extra`. Does nothing for an only worker."""
    socket = _socket(worker_number())
    if socket is None:
        yield
        return

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            try:
                head = await _read_head(reader)
                body = await reader.readexactly(head["body_bytes"])
                await _Relayed(head, body, reader, writer).answer(app, extra)
            finally:
                writer.close()

    async with await asyncio.start_unix_server(respond, socket, limit=CHUNK_BYTES):
        try:
            yield
        finally:
            socket.unlink(missing_ok=True)


async def relay(worker: str, scope: Scope, body: bytes, send: Send) -> bool:
    """Have the worker with this number answer; False if there is none, or if it does not begin in time.

    If its answer goes on, cancelling this ends it.
    """
    socket = _socket(worker)
    if socket is None:
        return False
    try:
        reader, writer = await asyncio.open_unix_connection(socket, limit=CHUNK_BYTES)
    except OSError:
        return False
    try:
        writer.write(_head(_described(scope, len(body))))
        writer.write(body)
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                await writer.drain()
                start = await _read_head(reader)
        except (OSError, asyncio.IncompleteReadError):  # a TimeoutError is an OSError
            return False
        headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in start["headers"]
        ]
        await send({"type": "http.response.start", "status": start["status"], "headers": headers})
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        writer.close()
    return True


class _Relayed:
    """One request of another worker's client."""

    def __init__(
        self,
        head: Any,
        body: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._head = head
        self._body: bytes | None = body
        self._reader = reader
        self._writer = writer

    async def answer(self, app: ASGIApp, extra: Mapping[str, Any]) -> None:
        head = self._head
        request_id.set(head["request_id"])
        scope = {
            "type": "http",
            "method": head["method"],
            "path": head["path"],
            "query_string": head["query_string"].encode("latin-1"),
            "headers": [
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in head["headers"]
            ],
            "client": None if head["client"] is None else tuple(head["client"]),
            **extra,
        }
        try:
            await app(scope, self._receive, self._send)
        except Exception:
            log.exception("relayed request failed")

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body}
        with suppress(OSError):
            await self._reader.read(1)  # nothing more comes: the other end has closed
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        with suppress(OSError):
            if message["type"] == "http.response.start":
                headers = [
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in message["headers"]
                ]
                self._writer.write(_head({"status": message["status"], "headers": headers}))
            else:
                self._writer.write(message.get("body", b""))
            await self._writer.drain()


def _described(scope: Scope, body_bytes: int) -> dict[str, Any]:
    return {
        "method": scope["method"],
        "path": scope["path"],
        "query_string": scope["query_string"].decode("latin-1"),
        "headers": [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        ],
        "client": scope.get("client"),
        "request_id": request_id.get(),
        "body_bytes": body_bytes,
    }


def _socket(worker: str) -> Path | None:
    folder = os.environ.get(FOLDER_VARIABLE)
    return Path(folder, NAME % worker) if folder is not None and worker.isdecimal() else None


def _head(value: Any) -> bytes:
    text = orjson.dumps(value)
    return len(text).to_bytes(LENGTH_BYTES, "big") + text


async def _read_head(reader: asyncio.StreamReader) -> Any:
    length = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
    if length > MOST_BYTES:
        raise OSError("too long a head")
    return orjson.loads(await reader.readexactly(length))
