"""WebSocket connections (RFC 6455) as uvicorn reads them, with our limits and timeouts."""

import logging
from asyncio import Task
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from server.transport.timeouts import ClientLimits, error_response

# uvicorn logs mistakes of clients as errors here; failures of ours are logged by RequestMiddleware.
_SILENT = logging.getLogger("chittygraph.silent")
_SILENT.disabled = True


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket; it keeps the place in ConnectionLimits of the HTTP connection that it began as."""

    def __init__(self, limits: ClientLimits, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self.logger = _SILENT
        self._limits = limits

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.client is not None:
            self._limits.connections.release(self.client[0])

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # The first call has the whole head of the request, so an incomplete handshake is an error.
        if not self.handshake_initiated and not self.transport.is_closing():
            self.transport.write(
                error_response(400, "the handshake has too many or too long headers")
            )
            self.transport.close()

    def keepalive_timeout(self) -> None:
        """Abort: a client that answers no ping may never read what waits for it."""
        super().keepalive_timeout()
        self.transport.abort()

    def on_task_complete(self, task: Task[None]) -> None:
        """Close, giving the client limited time to read what was sent last."""
        super().on_task_complete(task)
        self.loop.call_later(self._limits.response_seconds, self.transport.abort)
