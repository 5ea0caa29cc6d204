"""WebSockets (RFC 6455) as uvicorn reads them, of clients that are counted and let go like all others."""

import logging
from asyncio import Task
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from server.transport.timeouts import Bounds, refusal

# What uvicorn says here are its client's mistakes, as errors; what fails of ours is logged by Requests.
_SILENT = logging.getLogger("chittygraph.silent")
_SILENT.disabled = True


class Upgraded(WebSocketsSansIOProtocol):
    """One client's WebSocket, on the connection that its peer was admitted with."""

    def __init__(self, bounds: Bounds, **given: Any) -> None:
        super().__init__(**given)
        self.logger = _SILENT
        self._bounds = bounds

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        super().connection_lost(exc)
        if self.client is not None:
            self._bounds.peers.release(self.client[0])

    def data_received(self, data: bytes) -> None:
        """Take what the client sent: first the head of its request, whole."""
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            self.transport.write(refusal(400, "the handshake's headers are too many or too long"))
            self.transport.close()

    def keepalive_timeout(self) -> None:
        """Let go of a client that answers nothing any more, and may never read what waits for it."""
        super().keepalive_timeout()
        self.transport.abort()

    def on_task_complete(self, task: Task[None]) -> None:
        """Give a client so long to read the last that was sent."""
        super().on_task_complete(task)
        self.loop.call_later(self._bounds.answer, self.transport.abort)
