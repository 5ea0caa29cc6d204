"""/graphql on a WebSocket: concurrent operations and subscriptions on one socket, in graphql-transport-ws.

The protocol is GraphQL over WebSocket (https://github.com/enisdenjo/graphql-ws). Browsers cannot send
headers, so `connection_init` may carry the credential. It is checked again for each operation.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from db.consistency import NOW
from resolvers.permissions import Viewer
from schema.errors import RequestRefused
from server.endpoints import socket_messages
from server.endpoints.carried_operations import MAX_OPERATIONS
from server.endpoints.socket_messages import (
    FAILED,
    ID_TAKEN,
    INIT_TIMEOUT,
    INIT_TWICE,
    INVALID,
    RESTARTED,
    UNAUTHORIZED,
    WRONG_SUBPROTOCOL,
    Closed,
    Disconnected,
    Stopping,
    close_error,
    operation_id,
)
from server.graphql import consistency, request
from server.graphql.operation import PreparedOperation
from server.graphql.request import GraphQLRequest
from server.http import errors, middleware, turns
from server.http.cors import CORS
from server.http.errors import HTTPError
from server.http.turns import Turn
from server.service import Service
from server.setting_fields import variable
from server.subscriptions.listeners import Listener
from server.subscriptions.stream_end import GONE
from server.subscriptions.topics import Event
from server.telemetry.logs import request_id
from server.telemetry.operation_log import KEY, OperationLog

SUBPROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 5.0

log = logging.getLogger(__name__)


class GraphQLWebSocket:
    def __init__(self, cors: CORS) -> None:
        self._cors = cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket until either side closes it, or refuse it in JSON."""
        await receive()  # websocket.connect
        try:
            await _admit(scope, self._cors)
        except HTTPError as error:
            response = JSONResponse(error.body, error.status, headers=error.headers)
            await response(scope, receive, send)
        else:
            await _Socket(scope, receive, send).serve()


async def _admit(scope: Scope, cors: CORS) -> None:
    """Raise HTTPError for a client that may not open a socket.

    One without a credential may still send it with `connection_init`.
    """
    service: Service = scope["app"].service
    is_open = service.operations.gate is None
    origin = cors.refused_socket(scope["headers"])
    if origin is not None:
        raise HTTPError(
            403,
            f"pages of {origin!r} may open no WebSocket here: {variable('allowed_origins')} names those"
            " that may",
        )
    if is_open or _credentials(scope["headers"]):
        await service.operations.viewer(scope, scope[KEY], scope["headers"])


def _credentials(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [header for header in headers if header[0] == b"authorization"]


@dataclass(eq=False, slots=True)
class _RunningOperation:
    task: asyncio.Task[None]
    is_cancelled: bool  # once the client completes it, unlike a mutation


class _Socket:
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._service: Service = scope["app"].service
        self._receive = receive
        self._send = send
        self._credentials = _credentials(scope["headers"])
        self._at = NOW
        self._by_id: dict[str, _RunningOperation] = {}
        self._running: set[asyncio.Task[None]] = (
            set()
        )  # also mutations whose client sent `complete`
        self._subscriptions: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def serve(self) -> None:
        """Take messages until the socket is closed; mutations still run to their end."""
        self._service.metrics.websockets += 1
        try:
            await self._accept()
            await self._acknowledge()
            while True:
                await self._handle(await self._next_message())
        except Disconnected:
            pass
        except Stopping:
            if self._running:
                await asyncio.wait(self._running)
            await self._close(RESTARTED, "the server is stopping: connect again in a moment")
        except Closed as closed:
            await self._close(closed.code, closed.reason)
        except Exception:
            log.exception("websocket failed")
            await self._close(FAILED, "internal error")
        finally:
            self._service.metrics.websockets -= 1
            for id_ in list(self._by_id):
                self._unsubscribe(id_)
            if self._running or self._subscriptions:
                await asyncio.wait(self._running | self._subscriptions)

    async def _close(self, code: int, reason: str) -> None:
        log.info("websocket closed", extra={"code": code})
        self._is_closed = True
        with suppress(OSError):
            await self._send({"type": "websocket.close", "code": code, "reason": reason})

    async def _accept(self) -> None:
        offered = SUBPROTOCOL in self._scope["subprotocols"]
        await self._send_event("websocket.accept", subprotocol=SUBPROTOCOL if offered else None)
        if not offered:
            raise Closed(WRONG_SUBPROTOCOL, f"ask for the subprotocol {SUBPROTOCOL}")

    async def _acknowledge(self) -> None:
        try:
            async with asyncio.timeout(INIT_SECONDS):
                message = await self._next_message()
                while message["type"] in ("ping", "pong"):
                    await self._handle(message)
                    message = await self._next_message()
        except TimeoutError:
            raise Closed(INIT_TIMEOUT, "Connection initialisation timeout") from None
        if message["type"] != "connection_init":
            raise Closed(UNAUTHORIZED, "Unauthorized: send connection_init first")
        try:
            self._at = consistency.at_in(
                message.get("payload"), self._service.operations.cursor_key
            )
        except HTTPError as error:
            raise Closed(INVALID, str(error)) from None
        credential = socket_messages.credential(message)
        if credential is not None:
            self._credentials = [(b"authorization", credential)]
        try:
            await self._viewer(self._scope[KEY])
        except HTTPError as error:
            raise close_error(error) from None
        await self._reply("connection_ack")

    async def _handle(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ping":
                await self._reply("pong")
            case "pong":
                pass
            case "subscribe":
                await self._start(operation_id(message), message.get("payload"))
            case "complete":
                self._unsubscribe(operation_id(message))
            case "connection_init":
                raise Closed(INIT_TWICE, "Too many initialisation requests")
            case _:
                raise Closed(INVALID, "the type of a message is none that a client sends")

    async def _start(self, id_: str, payload: Any) -> None:
        if id_ in self._by_id:
            raise Closed(ID_TAKEN, f"Subscriber for {id_} already exists")
        try:
            graphql_request = request.parse(payload)
        except HTTPError as error:
            raise Closed(INVALID, str(error)) from None
        operation = OperationLog()
        started = time.perf_counter()
        token = request_id.set(next(self._service.request_ids))
        turn = self._arrive()
        listener = None
        try:
            prepared, viewer = await self._prepare(graphql_request, operation, turn)
            if prepared.operation.is_subscription:
                listener = await self._service.subscriptions.listen(
                    prepared, viewer, self._credentials, operation
                )
        except (HTTPError, RequestRefused) as refused:
            turn.end()
            await self._refuse(id_, operation, refused)
            self._report(operation, started)
        except BaseException:
            turn.end()
            raise
        else:
            if listener is None:
                self._run_task(id_, prepared, viewer, operation, started, turn)
            else:
                turn.end()
                operation.outcome = "ok"
                self._report(operation, started)
                self._stream_task(id_, listener)
        finally:
            request_id.reset(token)

    def _run_task(
        self,
        id_: str,
        prepared: PreparedOperation,
        viewer: Viewer,
        operation: OperationLog,
        started: float,
        turn: Turn,
    ) -> None:
        task = asyncio.ensure_future(self._execute(id_, prepared, viewer, operation, started, turn))
        self._by_id[id_] = _RunningOperation(task, prepared.operation.is_query)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: turn.end())  # it may be cancelled before it begins

    def _stream_task(self, id_: str, listener: Listener) -> None:
        task = asyncio.ensure_future(self._listen(id_, listener))
        self._by_id[id_] = _RunningOperation(task, is_cancelled=True)
        self._subscriptions.add(task)
        task.add_done_callback(self._subscriptions.discard)
        # It may be cancelled before it begins.
        task.add_done_callback(lambda _: listener.close(GONE))

    async def _listen(self, id_: str, listener: Listener) -> None:
        """Send a subscription's events until its client completes it, or there is a reason to end."""

        async def send(event: Event) -> None:
            await self._reply("next", id=id_, payload=orjson.Fragment(event.payload))

        async def keep_alive() -> None:
            """Do nothing: the protocol of sockets has pings."""

        # If the server stops, the socket is closed in a moment, which is what clients come back after.
        if told := await listener.tell(send, keep_alive):
            await self._send_result(id_, "error", told)

    def _arrive(self) -> Turn:
        client = self._scope.get("client")
        headers = [*self._credentials, *self._scope["headers"]]
        return self._service.admission.requests.arrive(client, headers)

    async def _prepare(
        self, graphql_request: GraphQLRequest, operation: OperationLog, turn: Turn
    ) -> tuple[PreparedOperation, Viewer]:
        # Later messages wait, too: else one socket could queue as much as it likes.
        if not await turn.has_come():
            raise turns.refusal()
        viewer = await self._viewer(operation)
        if len(self._running) >= MAX_OPERATIONS:
            raise HTTPError(
                429, f"{MAX_OPERATIONS} operations are under way here: wait for one to end"
            )
        prepared = self._service.operations.prepare(graphql_request, operation)
        prepared.at = self._at
        if prepared.operation.is_subscription and len(self._subscriptions) >= MAX_OPERATIONS:
            raise HTTPError(
                429, f"{MAX_OPERATIONS} subscriptions are open on this socket: open another socket"
            )
        self._service.operations.charge(prepared, viewer, operation)
        return prepared, viewer

    async def _execute(
        self,
        id_: str,
        prepared: PreparedOperation,
        viewer: Viewer,
        operation: OperationLog,
        started: float,
        turn: Turn,
    ) -> None:
        try:
            response = await self._run(prepared, viewer, operation, turn)
        except asyncio.CancelledError:
            operation.outcome = "gone"
        except (HTTPError, RequestRefused) as refused:
            await self._refuse(id_, operation, refused)
        except Exception:
            operation.outcome = "failed"
            log.exception("operation failed")
            failure = errors.body(500, "internal error", requestId=request_id.get())
            await self._send_result(id_, "error", failure["errors"])
        else:
            await self._send_result(id_, "next", response)
        self._report(operation, started)

    async def _run(
        self, prepared: PreparedOperation, viewer: Viewer, operation: OperationLog, turn: Turn
    ) -> dict[str, Any]:
        try:
            service, replica, response = self._service, self._service.replica, None
            if replica is not None and replica.forwards(prepared, viewer):
                client = service.operations.client_address(self._scope)
                response = await replica.execute(
                    prepared, viewer, operation, self._credentials, client
                )
            if response is None:
                response = await service.operations.execute(prepared, viewer, operation)
            consistency.add_mark(response, prepared.mark)
            return response
        finally:
            turn.end()  # what is left depends on how quickly the client reads

    def _report(self, operation: OperationLog, started: float) -> None:
        seconds = time.perf_counter() - started
        middleware.record_operation(self._service.metrics, operation, seconds)

    async def _refuse(
        self, id_: str, operation: OperationLog, reason: HTTPError | RequestRefused
    ) -> None:
        """Send the reason of a refusal; raises Closed if the credential is no longer valid."""
        operation.outcome = "refused"
        if isinstance(reason, RequestRefused):
            operation.code = reason.code
            await self._send_result(id_, "error", reason.formatted())
        elif reason.status == 401:
            raise close_error(reason)
        else:
            operation.code = errors.CODES[reason.status]
            await self._send_result(id_, "error", reason.body["errors"])

    async def _send_result(self, id_: str, type_: str, payload: Any) -> None:
        """Send the result of an operation, unless the client has completed it."""
        task = asyncio.current_task()
        if task in self._running or task in self._subscriptions:
            running = self._by_id.get(id_)
            if running is None or running.task is not task:
                return
            del self._by_id[id_]
        await self._reply(type_, id=id_, payload=payload)
        if type_ == "next":
            await self._reply("complete", id=id_)

    def _unsubscribe(self, id_: str) -> None:
        running = self._by_id.pop(id_, None)
        if running is not None and running.is_cancelled:
            running.task.cancel()

    async def _viewer(self, operation: OperationLog) -> Viewer:
        return await self._service.operations.viewer(self._scope, operation, self._credentials)

    async def _next_message(self) -> dict[str, Any]:
        """The client's next message; raises Stopping, Disconnected, and Closed for a malformed one."""
        return socket_messages.read(await self._receive())

    async def _reply(self, type_: str, **members: Any) -> None:
        text = orjson.dumps({**members, "type": type_}).decode()
        await self._send_event("websocket.send", text=text)

    async def _send_event(self, type_: str, **members: Any) -> None:
        if not self._is_closed:
            with suppress(OSError):  # the client is gone, as `receive` will report
                await self._send({"type": type_, **members})
