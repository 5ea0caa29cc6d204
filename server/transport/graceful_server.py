"""uvicorn's server, which stops without dropping requests, and reloads on SIGHUP."""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Protocol, cast, runtime_checkable

import uvicorn

from server.telemetry import python_reports
from server.transport import listening
from server.transport.hang_up import HangUp

POLL_SECONDS = 0.02
CANCEL_SECONDS = 1.0  # for cancelled requests to end

log = logging.getLogger(__name__)


class Connection(Protocol):
    """A client's connection, of either protocol."""

    def shutdown(self) -> None:
        """Close once what is being answered is answered; refuse what has not arrived whole."""

    def cut_off(self) -> None:
        """Answer with an error what is not answered yet, and close."""


class Reloadable(Protocol):
    """An application that reads its files anew."""

    async def reload(self) -> None: ...


@runtime_checkable
class Streaming(Protocol):
    """An application whose responses may go on for ever."""

    def end_streams(self) -> None:
        """Have them end soon, in a way that brings their clients back."""


class GracefulServer(uvicorn.Server):
    """Calls `when_started` once it serves."""

    def __init__(
        self,
        config: uvicorn.Config,
        hang_up: HangUp,
        when_started: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._hang_up = hang_up
        self._when_started = when_started
        self._reloading: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving."""
        asyncio.get_running_loop().set_exception_handler(python_reports.log_problem)
        with ExitStack() as opened:
            several = [each for one in sockets or () for each in listening.several(one, opened)]
            await super().startup(several or sockets)
            opened.pop_all()  # the server closes them
        if self.started:
            self._when_started()

    async def on_tick(self, counter: int) -> bool:
        """Reload on SIGHUP; called ten times a second."""
        if self._hang_up.take():
            app = cast(Reloadable, self.config.loaded_app)
            self._reloading = asyncio.create_task(app.reload())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait a limited time for running requests, then answer them with an error."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        app = self.config.loaded_app
        if isinstance(app, Streaming):
            app.end_streams()
        for connection in self._connections():
            connection.shutdown()
        tasks = self.server_state.tasks
        if not await self._ended(self.config.timeout_graceful_shutdown or 0):
            log.warning("requests cut off", extra={"requests": len(tasks)})
            for connection in self._connections():
                connection.cut_off()
            for task in list(tasks):
                task.cancel()
            await self._ended(CANCEL_SECONDS)
        if not self.force_exit:
            await self.lifespan.shutdown()

    def _connections(self) -> list[Connection]:
        return [cast(Connection, each) for each in self.server_state.connections]

    async def _ended(self, seconds: float) -> bool:
        """Whether all requests end in this time, and their connections, which send what is left."""
        state = self.server_state
        deadline = asyncio.get_running_loop().time() + seconds
        while (state.connections or state.tasks) and not self.force_exit:
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True
