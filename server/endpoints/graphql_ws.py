"""/graphql on a WebSocket: operations side by side on one connection, in graphql-transport-ws.

The protocol is that of GraphQL over WebSocket (https://github.com/enisdenjo/graphql-ws). A browser lets a
page send no headers, so that a credential may come with `connection_init` instead; whose it is, is looked
at again for every operation.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import JSONResponse
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from db.model import strict_json
from resolvers.permissions import Viewer
from schema.errors import RequestRefused
from server.graphql import operation, request
from server.graphql.operation import Job, Noted
from server.http import errors, hosts, middleware
from server.http.errors import HTTPError
from server.telemetry.logs import request_id

if TYPE_CHECKING:
    from server.app import Service

SUBPROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 5.0
MOST_OPERATIONS = 10
LONGEST_ID = 200
LONGEST_REASON = 120  # bytes of a close frame's reason, which takes 123 (RFC 6455, section 5.5)

# Close codes of RFC 6455's registry, and of the protocol.
FAILED, TRY_AGAIN_LATER = 1011, 1013
INVALID, UNAUTHORIZED, FORBIDDEN, WRONG_SUBPROTOCOL = 4400, 4401, 4403, 4406
INIT_TIMEOUT, ID_TAKEN, INIT_TWICE = 4408, 4409, 4429

log = logging.getLogger(__name__)


class Closed(Exception):
    """Raised when the socket is to be closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:LONGEST_REASON].decode(errors="ignore")


class Gone(Exception):
    """Raised when the client has closed the socket."""


class GraphQLWS:
    """The ASGI application of the path's WebSockets."""

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Serve one WebSocket until either side closes it, or refuse it in JSON."""
        await receive()  # that it is asked for
        try:
            await _admit(connection)
        except HTTPError as error:
            answer = JSONResponse(error.body, error.status, headers=error.headers)
            await answer(connection, receive, send)
        else:
            await _Socket(connection, receive, send).serve()


async def _admit(connection: Connection) -> None:
    """Raise HTTPError for who is not even to open a socket.

    Whoever shows no credential yet may do so with `connection_init`.
    """
    if connection["app"].gate is None:
        origin = hosts.untrusted_origin(connection["headers"])
        if origin is not None:
            raise HTTPError(
                403,
                f"everyone may do everything here, but pages of {origin!r} are a stranger's:"
                " serve them from this machine, or choose --auth protected",
            )
    if connection["app"].gate is None or _credentials(connection["headers"]):
        await operation.viewer(connection, connection, connection["headers"])


def _credentials(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [header for header in headers if header[0] == b"authorization"]


@dataclass(eq=False, slots=True)
class _Running:
    """An operation that is carried out."""

    task: asyncio.Task[None]
    is_query: bool


class _Socket:
    """One client's connection."""

    def __init__(self, connection: Connection, receive: Receive, send: Send) -> None:
        self._connection = connection
        self._app: Service = connection["app"]
        self._receive = receive
        self._send = send
        self._credentials = _credentials(connection["headers"])
        self._named: dict[str, _Running] = {}
        self._running: set[asyncio.Task[None]] = set()  # mutations, too, that nobody waits for
        self._is_over = False

    async def serve(self) -> None:
        """Take messages until the socket is closed; what writes is carried out to its end all the same."""
        self._app.metrics.websockets += 1
        try:
            await self._accept()
            await self._acknowledge()
            while True:
                await self._take(await self._message())
        except Gone:
            pass
        except Closed as closed:
            await self._close(closed.code, closed.reason)
        except Exception:
            log.exception("websocket failed")
            await self._close(FAILED, "internal error")
        finally:
            self._app.metrics.websockets -= 1
            for id_ in list(self._named):
                self._give_up(id_)
            if self._running:
                await asyncio.wait(self._running)

    async def _close(self, code: int, reason: str) -> None:
        log.info("websocket closed", extra={"code": code})
        self._is_over = True
        with suppress(OSError):
            await self._send({"type": "websocket.close", "code": code, "reason": reason})

    async def _accept(self) -> None:
        offered = SUBPROTOCOL in self._connection["subprotocols"]
        await self._tell("websocket.accept", subprotocol=SUBPROTOCOL if offered else None)
        if not offered:
            raise Closed(WRONG_SUBPROTOCOL, f"ask for the subprotocol {SUBPROTOCOL}")

    async def _acknowledge(self) -> None:
        try:
            async with asyncio.timeout(INIT_SECONDS):
                message = await self._message()
                while message["type"] in ("ping", "pong"):
                    await self._take(message)
                    message = await self._message()
        except TimeoutError:
            raise Closed(INIT_TIMEOUT, "Connection initialisation timeout") from None
        if message["type"] != "connection_init":
            raise Closed(UNAUTHORIZED, "Unauthorized: send connection_init first")
        shown = _shown(message)
        if shown is not None:
            self._credentials = [(b"authorization", shown)]
        try:
            await self._viewer(self._connection)
        except HTTPError as error:
            raise _closing(error) from None
        await self._message_out("connection_ack")

    async def _take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ping":
                await self._message_out("pong")
            case "pong":
                pass
            case "subscribe":
                await self._begin(_id(message), message.get("payload"))
            case "complete":
                self._give_up(_id(message))
            case "connection_init":
                raise Closed(INIT_TWICE, "Too many initialisation requests")
            case _:
                raise Closed(INVALID, "the type of a message is none that a client sends")

    async def _begin(self, id_: str, payload: Any) -> None:
        """Look at an operation and have it carried out, or tell why not."""
        if id_ in self._named:
            raise Closed(ID_TAKEN, f"Subscriber for {id_} already exists")
        try:
            asked = request.of(payload)
        except HTTPError as error:
            raise Closed(INVALID, str(error)) from None
        noted: Noted = {}
        started = time.perf_counter()
        token = request_id.set(middleware.new_request_id())
        try:
            job, viewer = await self._admitted(noted, asked)
        except (HTTPError, RequestRefused) as refused:
            await self._refuse(id_, noted, refused)
            middleware.record_operation(self._app, noted, time.perf_counter() - started)
        else:
            task = asyncio.ensure_future(self._carry_out(id_, noted, job, viewer, started))
            self._named[id_] = _Running(task, job.operation.is_query)
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        finally:
            request_id.reset(token)

    async def _admitted(self, noted: Noted, asked: request.Envelope) -> tuple[Job, Viewer]:
        viewer = await self._viewer(noted)
        if len(self._running) >= MOST_OPERATIONS:
            raise HTTPError(
                429, f"{MOST_OPERATIONS} operations are under way here: wait for one to end"
            )
        job = operation.prepared(self._app, noted, asked)
        operation.pay(self._app, noted, job, viewer)
        return job, viewer

    async def _carry_out(
        self, id_: str, noted: Noted, job: Job, viewer: Viewer, started: float
    ) -> None:
        try:
            answer = await operation.carry_out(self._app, noted, job, viewer)
        except asyncio.CancelledError:
            noted["chittygraph.outcome"] = "gone"
        except RequestRefused as refused:
            await self._refuse(id_, noted, refused)
        except Exception:
            noted["chittygraph.outcome"] = "failed"
            log.exception("operation failed")
            failure = errors.body(500, "internal error", requestId=request_id.get())
            await self._end(id_, "error", failure["errors"])
        else:
            await self._end(id_, "next", answer)
        middleware.record_operation(self._app, noted, time.perf_counter() - started)

    async def _refuse(self, id_: str, noted: Noted, why: HTTPError | RequestRefused) -> None:
        """Tell why an operation is not carried out; raises Closed where nothing more would be."""
        noted["chittygraph.outcome"] = "refused"
        if isinstance(why, RequestRefused):
            noted["chittygraph.code"] = why.code
            await self._end(id_, "error", why.formatted())
        elif why.status == 401:
            raise _closing(why)
        else:
            await self._end(id_, "error", why.body["errors"])

    async def _end(self, id_: str, type_: str, payload: Any) -> None:
        """Send the last word on an operation, unless the client has given it up."""
        task = asyncio.current_task()
        if task in self._running:
            running = self._named.get(id_)
            if running is None or running.task is not task:
                return
            del self._named[id_]
        await self._message_out(type_, id=id_, payload=payload)
        if type_ == "next":
            await self._message_out("complete", id=id_)

    def _give_up(self, id_: str) -> None:
        running = self._named.pop(id_, None)
        if running is not None and running.is_query:
            running.task.cancel()

    async def _viewer(self, noted: Noted) -> Viewer:
        return await operation.viewer(self._connection, noted, self._credentials)

    async def _message(self) -> dict[str, Any]:
        """The client's next message; raises Gone, and Closed for what is none."""
        received = await self._receive()
        if received["type"] == "websocket.disconnect":
            raise Gone
        try:
            message = strict_json.read((received.get("text") or "").encode())
        except ValueError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise Closed(INVALID, "a message must be a text: a JSON object with a type")
        return message

    async def _message_out(self, type_: str, **members: Any) -> None:
        text = orjson.dumps({**members, "type": type_}).decode()
        await self._tell("websocket.send", text=text)

    async def _tell(self, type_: str, **members: Any) -> None:
        if not self._is_over:
            with suppress(OSError):  # the client is gone, which `receive` tells too
                await self._send({"type": type_, **members})


def _closing(error: HTTPError) -> Closed:
    return Closed(FORBIDDEN if error.status == 401 else TRY_AGAIN_LATER, str(error))


def _id(message: dict[str, Any]) -> str:
    id_ = message.get("id")
    if not isinstance(id_, str) or not 0 < len(id_) <= LONGEST_ID:
        raise Closed(INVALID, f"an operation's id must be a text of 1 to {LONGEST_ID} characters")
    return id_


def _shown(message: dict[str, Any]) -> bytes | None:
    """The credential in the payload of `connection_init`, as a header has it; None where there is none."""
    payload = message.get("payload")
    if payload is None:
        return None
    if not isinstance(payload, dict):
        raise Closed(INVALID, "the payload of connection_init must be a JSON object")
    for name, value in payload.items():
        if name.lower() == "authorization":
            if not isinstance(value, str):
                raise Closed(INVALID, f"{name} must be a text, as Bearer cg_…")
            return value.encode()
    return None
