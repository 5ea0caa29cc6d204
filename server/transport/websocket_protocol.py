"""WebSocket connections (RFC 6455) as uvicorn reads them, with our limits and timeouts.

A read may hold thousands of frames, so it is parsed in pieces, and no more is read or parsed while a message
waits.
"""

import asyncio
import logging
from asyncio import BaseTransport, Task
from typing import Any

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from server.transport.send_deadline import SendDeadline
from server.transport.timeouts import STOPPING, ClientLimits, error_response

PIECE_BYTES = 512  # at most 85 frames, which are parsed in about a millisecond
PIECES_PER_TURN = 2  # of the event loop
MESSAGE_BYTES = 400  # of memory that a waiting message takes, besides its text
SERVICE_RESTART, TRY_AGAIN_LATER = 1012, 1013
CLOSE_SECONDS = 1.0  # for a client to close, too, when the server stops

# uvicorn logs mistakes of clients as errors here; failures of ours are logged by RequestMiddleware.
_SILENT = logging.getLogger("chittygraph.silent")
_SILENT.disabled = True

log = logging.getLogger(__name__)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket; it keeps the place in ConnectionLimits of the HTTP connection that it began as.

    In the budget of messages, it holds those that are not whole or wait for the application.
    """

    def __init__(self, limits: ClientLimits, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self.logger = _SILENT
        self.frames: list[Any] = []
        self.held = 0
        self._limits = limits
        self._unparsed = memoryview(b"")  # the rest of the last read
        self._waiting = 0  # bytes of messages that wait
        self._unsent_pong: list[bytes] = []
        self._send_deadline: SendDeadline

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        limits = self._limits
        self._send_deadline = SendDeadline(
            self.loop, self.transport, limits.response_seconds, limits.unsent
        )

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unparsed = memoryview(b"")
        self._send_deadline.cancel()
        self._limits.messages.release(self)
        self._limits.connections.release(self.client[0] if self.client else "")

    def data_received(self, data: bytes) -> None:
        if not self.handshake_initiated:
            self._handshake(data)
        elif len(data) <= PIECE_BYTES and not self._unparsed:
            super().data_received(data)
            self._count()
        else:
            self._unparsed = memoryview(bytes(self._unparsed) + data)
            self._parse_pieces()

    def handle_cont(self, event: Frame) -> None:
        # In a list, a fragment of one byte would take fifty, and empty ones would never end.
        if not isinstance(self.frames[0], bytearray):
            self.frames[0] = bytearray(self.frames[0])
        self.frames[0] += event.data
        if event.fin:
            self.send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        self._waiting += sum(map(len, self.frames)) + MESSAGE_BYTES
        super().send_receive_event_to_app()

    async def receive(self) -> ASGIReceiveEvent:
        if not self.queue.empty():
            await asyncio.sleep(0)  # others have their turn between two messages that came at once
        message = await self.queue.get()
        if self._waiting and self.queue.empty():
            self._waiting = 0
            self._count()
        self._read_on()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if self.close_sent:
            self._read_on()  # up to the client's own close

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:  # answers to a client that does not read would pile up: the newest suffices (section 5.5.3)
            self._unsent_pong = self.conn.data_to_send()[-1:] or self._unsent_pong

    def pause_writing(self) -> None:
        """Called when the client reads more slowly than is written to it."""
        super().pause_writing()
        self._send_deadline.pause_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._send_deadline.resume_writing()
        if self._unsent_pong:
            self.transport.write(self._unsent_pong.pop())

    def shutdown(self) -> None:
        """Have the application close the socket, once its operations are answered."""
        self.stop_keepalive()
        self.close_timeout = CLOSE_SECONDS
        if self.handshake_complete:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": SERVICE_RESTART})
        elif self.initial_response is None:
            self.transport.write(error_response(503, STOPPING))
            self.transport.close()

    def cut_off(self) -> None:
        """Close without an answer to what is not answered yet."""
        if self.handshake_complete and not self.close_sent:
            self.conn.send_close(SERVICE_RESTART)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        self.transport.close()

    def give_up(self) -> None:
        """Close, as messages of all sockets take too much memory and those of this one take the most."""
        log.info("websocket closed", extra={"code": TRY_AGAIN_LATER})
        self.frames = []
        self._unparsed = memoryview(b"")
        self.conn.reader.buffer.clear()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": TRY_AGAIN_LATER})
        self.conn.send_close(TRY_AGAIN_LATER, "too many unfinished messages: open a socket later")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()
        self._send_deadline.start()

    def keepalive_timeout(self) -> None:
        """Abort: a client that answers no ping may never read what waits for it."""
        super().keepalive_timeout()
        self.transport.abort()

    def on_task_complete(self, task: Task[None]) -> None:
        """Close, giving the client limited time to read what was sent last."""
        super().on_task_complete(task)
        self.loop.call_later(self._limits.response_seconds, self.transport.abort)

    def _handshake(self, data: bytes) -> None:
        """Read the whole head of the request, so that an incomplete one is an error."""
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            self.transport.write(
                error_response(400, "the handshake has too many or too long headers")
            )
            self.transport.close()

    @property
    def _is_held(self) -> bool:
        """Whether messages wait; after a close they are dropped."""
        return not (self.queue.empty() or self.close_sent)

    def _parse_pieces(self) -> None:
        for _ in range(PIECES_PER_TURN):
            if not self._unparsed or self._is_held or self.transport.is_closing():
                break
            piece, self._unparsed = self._unparsed[:PIECE_BYTES], self._unparsed[PIECE_BYTES:]
            super().data_received(bytes(piece))
        self._count()
        self._read_on()

    def _read_on(self) -> None:
        """Parse the rest of the last read soon, or read more, unless something is waited for."""
        if self.transport.is_closing():
            self._unparsed = memoryview(b"")
        elif self._is_held:
            self._pause_reading()
        elif self._unparsed:
            self._pause_reading()
            self.loop.call_soon(self._parse_pieces)
        elif self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def _pause_reading(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def _count(self) -> None:
        unparsed = len(self._unparsed) + len(self.conn.reader.buffer)
        size = unparsed + sum(map(len, self.frames)) + self._waiting
        if (size or self.held) and not self.transport.is_closing():
            self._limits.messages.hold(self, size)
