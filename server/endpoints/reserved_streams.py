"""/graphql/stream: GraphQL over Server-Sent Events in single connection mode.

A client reserves a stream (PUT) and opens it (GET). Operations that it sends (POST) are answered in it,
until it ends them (DELETE). So a browser, which opens six connections of HTTP/1.1, needs one for all of them.
Each request names the stream by its token, which says which worker has it: any other hands the request on.
"""

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Sized
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.types import Receive, Scope, Send

from resolvers.permissions import Viewer
from schema.errors import RequestRefused
from server.endpoints.carried_operations import MAX_ID_LENGTH, MAX_OPERATIONS
from server.endpoints.event_stream import HEADERS, RETRY
from server.endpoints.graphql_http import Reply, error_reply, refusal_reply, send_reply
from server.endpoints.statuses import Statuses
from server.graphql import consistency, idempotency_keys, request
from server.graphql.operation import PreparedOperation
from server.graphql.request import JSON
from server.http import compression, errors, middleware, turns
from server.http.errors import HTTPError
from server.http.headers import KEY as HEADERS_KEY
from server.http.headers import Headers, by_name
from server.service import Service
from server.subscriptions.listeners import IDLE_SECONDS, Listener
from server.subscriptions.stream_end import GONE
from server.subscriptions.topics import Event
from server.telemetry.logs import request_id
from server.telemetry.operation_log import KEY, OperationLog
from server.telemetry.worker_exchange import worker_number
from server.transport import worker_relay
from server.transport.disconnects import ClientDisconnected, cancel_on_disconnect

PATH = "/graphql/stream"
TOKEN_HEADER = b"x-graphql-event-stream-token"
METHODS = ("GET", "PUT", "POST", "DELETE", "OPTIONS")
ALLOW = {"allow": ", ".join(METHODS)}
# Streams that one worker has, open or reserved, and of them those of one viewer.
MOST_STREAMS, MOST_OF_VIEWER = 1_000, 100
RESERVED_SECONDS = 30.0  # for a client to open the stream that it has reserved
UNKNOWN = "no stream has this token, or it has ended: reserve another with PUT"
MISSING = "the token of a stream is missing: reserve one with PUT"

log = logging.getLogger(__name__)


class ReservedStream:
    """The stream of one viewer, and the operations that are answered in it."""

    def __init__(self, token: str, viewer: Viewer) -> None:
        self.token = token
        self.viewer = viewer
        self.is_open = False
        self.running: dict[str, asyncio.Task[None]] = {}
        self.subscriptions: dict[str, asyncio.Task[None]] = {}
        self._opened = asyncio.Event()
        self._send: Send | None = None

    def open(self, send: Send) -> None:
        self._send = send
        self._opened.set()

    def require_free(self, id_: str) -> None:
        """Raise HTTPError if an operation with this id is under way."""
        if id_ in self.running or id_ in self.subscriptions:
            raise HTTPError(409, f"the operation {id_[:50]!r} is under way already")

    async def opened(self) -> None:
        """Wait until the client has opened it."""
        await self._opened.wait()

    async def write(self, part: bytes) -> None:
        await self._opened.wait()
        if self._send is not None:
            await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def tell(self, name: str, id_: str, **members: Any) -> None:
        data = orjson.dumps({"id": id_, **members})
        await self.write(b"event: %b\ndata: %b\n\n" % (name.encode(), data))

    def close(self) -> None:
        """Give up its operations; mutations go on to their end, but nobody hears of it."""
        self._send = None
        self._opened.set()
        for task in self.subscriptions.values():
            task.cancel()


class ReservedStreams:
    """The endpoint, with the streams of this worker."""

    def __init__(self, statuses: Statuses) -> None:
        self._statuses = statuses
        self._streams: dict[str, ReservedStream] = {}
        self._of_viewer: Counter[str] = Counter()
        self._running: set[asyncio.Task[None]] = set()  # also mutations whose stream has ended

    async def finish(self, seconds: float) -> None:
        """Wait for the queries and mutations that are under way, before the service is closed."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have the worker answer it that has the stream."""
        headers = scope.setdefault(HEADERS_KEY, by_name(scope["headers"]))
        token = _token(scope, headers)
        owner = token.partition("-")[0]
        try:
            if scope["method"] not in METHODS:
                raise HTTPError(405, f"{scope['method']} is not for {PATH}", ALLOW)
            if not token and scope["method"] not in ("PUT", "OPTIONS"):
                await _viewer(scope)
                raise HTTPError(404, MISSING)
            if scope["method"] in ("PUT", "OPTIONS") or owner == worker_number():
                await self.answer(scope, receive, send)
            elif not await self._relay(owner, scope, receive, send):
                raise HTTPError(404, UNKNOWN)
        except HTTPError as error:
            await self._refuse(scope, send, error)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request about a stream of this worker."""
        scope.setdefault(KEY, OperationLog())
        headers = scope.setdefault(HEADERS_KEY, by_name(scope["headers"]))
        try:
            match scope["method"]:
                case "OPTIONS":
                    await send_reply(scope, send, Reply(204, headers=_encoded(ALLOW)), None)
                case "PUT":
                    await self._reserve(scope, send)
                case "GET":
                    await self._stream(scope, receive, send, _token(scope, headers))
                case "POST":
                    await self._start(scope, receive, send, _token(scope, headers))
                case _:
                    await self._stop(scope, send, _token(scope, headers))
        except RequestRefused as refused:
            scope[KEY].refuse(refused.code)
            reply = refusal_reply(self._statuses, JSON, refused)
            await send_reply(scope, send, reply, compression.accepted_codings(headers))
        except HTTPError as error:
            await self._refuse(scope, send, error)

    async def _refuse(self, scope: Scope, send: Send, error: HTTPError) -> None:
        await send_reply(scope, send, error_reply(self._statuses, JSON, error), None)

    async def _relay(self, owner: str, scope: Scope, receive: Receive, send: Send) -> bool:
        service: Service = scope["app"].service
        body = b""
        if scope["method"] == "POST":
            await _viewer(scope)  # no stranger's body is read
            length = scope[HEADERS_KEY].get(b"content-length", b"")
            body = await service.graphql_bodies.read(receive, length)
        try:
            with cancel_on_disconnect(receive, service.disconnects):
                return await worker_relay.relay(owner, scope, body, send)
        except ClientDisconnected:
            return True

    async def _reserve(self, scope: Scope, send: Send) -> None:
        viewer = await _viewer(scope)
        if len(self._streams) >= MOST_STREAMS:
            raise HTTPError(
                429, f"{MOST_STREAMS} streams are open or reserved here, the most allowed"
            )
        if self._of_viewer[viewer.share] >= MOST_OF_VIEWER:
            raise HTTPError(429, f"you have {MOST_OF_VIEWER} streams, the most allowed: close some")
        token = f"{worker_number()}-{secrets.token_urlsafe(32)}"
        self._streams[token] = ReservedStream(token, viewer)
        self._of_viewer[viewer.share] += 1
        loop = asyncio.get_running_loop()
        loop.call_later(RESERVED_SECONDS, self._expire, token)
        headers = [(b"cache-control", b"no-store")]
        await send_reply(scope, send, Reply(201, token.encode(), "text/plain", headers), None)

    def _expire(self, token: str) -> None:
        stream = self._streams.get(token)
        if stream is not None and not stream.is_open:
            self._remove(stream)

    def _remove(self, stream: ReservedStream) -> None:
        if self._streams.pop(stream.token, None) is not None:
            share = stream.viewer.share
            self._of_viewer[share] -= 1
            if not self._of_viewer[share]:
                del self._of_viewer[share]
        stream.close()

    def _found(self, token: str, viewer: Viewer | None = None) -> ReservedStream:
        stream = self._streams.get(token)
        if stream is None or (viewer is not None and viewer.actor != stream.viewer.actor):
            raise HTTPError(404, UNKNOWN)
        return stream

    async def _stream(self, scope: Scope, receive: Receive, send: Send, token: str) -> None:
        started = time.perf_counter()
        # An EventSource sends no credential: the token is secret, and operations are asked for theirs.
        service: Service = scope["app"].service
        if service.operations.gate is None:
            await _viewer(scope)
        stream = self._found(token)
        if stream.is_open:
            raise HTTPError(409, "the stream is open already: reserve another with PUT")
        stream.is_open = True
        scope[KEY].seconds = time.perf_counter() - started
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
            stream.open(send)
            with cancel_on_disconnect(receive, service.disconnects):
                await self._keep_alive(stream, service.subscriptions.stopping)
                if stream.running:
                    await asyncio.wait(list(stream.running.values()))
        except ClientDisconnected:
            pass
        finally:
            self._remove(stream)
        await send({"type": "http.response.body", "body": RETRY + b"\n"})

    async def _keep_alive(self, stream: ReservedStream, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await stream.write(b":\n\n")
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await stopping.wait()

    async def _start(self, scope: Scope, receive: Receive, send: Send, token: str) -> None:
        service: Service = scope["app"].service
        operations, operation_log, headers = service.operations, scope[KEY], scope[HEADERS_KEY]
        started = time.perf_counter()
        viewer = await _viewer(scope)
        self._found(token, viewer)
        bodies = service.graphql_bodies
        graphql_request = await request.read(scope, headers, receive, bodies)
        id_ = _operation_id(graphql_request.operation_id)
        # The body may have taken long: the stream may have ended meanwhile.
        stream = self._found(token, viewer)
        stream.require_free(id_)
        prepared = operations.prepare(
            graphql_request, operation_log, headers.get(idempotency_keys.HEADER)
        )
        prepared.at = consistency.at_of(headers, operations.cursor_key)
        is_subscription = prepared.operation.is_subscription
        others = stream.subscriptions if is_subscription else stream.running
        _require_room(others)
        operations.charge(prepared, viewer, operation_log)
        running = _Running(service, stream, id_)
        if is_subscription:
            credentials = [each for each in scope["headers"] if each[0] == b"authorization"]
            listener = await service.subscriptions.listen(
                prepared, viewer, credentials, operation_log
            )
            try:  # again, since others may have come meanwhile
                self._found(token, viewer).require_free(id_)
                _require_room(others)
            except HTTPError:
                listener.close(GONE)
                raise
            operation_log.outcome = "ok"
            seconds = time.perf_counter() - started
            middleware.record_operation(service.metrics, operation_log, seconds)
            running.start(others, running.listen(listener))
            others[id_].add_done_callback(lambda _: listener.close(GONE))
        else:
            running.start(others, running.execute(prepared, viewer, operation_log, scope, started))
            self._running.add(others[id_])
            others[id_].add_done_callback(self._running.discard)
        await send_reply(scope, send, Reply(202), None)

    async def _stop(self, scope: Scope, send: Send, token: str) -> None:
        stream = self._found(token, await _viewer(scope))
        id_ = _operation_id(_parameter(scope, "operationId"))
        task = stream.subscriptions.get(id_)
        if task is not None:
            task.cancel()
        await send_reply(scope, send, Reply(200), None)


class _Running:
    """One operation, which is answered in a stream."""

    def __init__(self, service: Service, stream: ReservedStream, id_: str) -> None:
        self._service = service
        self._stream = stream
        self._id = id_

    def start(self, others: dict[str, asyncio.Task[None]], work: Any) -> None:
        task = others[self._id] = asyncio.ensure_future(work)
        task.add_done_callback(lambda _: others.pop(self._id, None))

    async def execute(
        self,
        prepared: PreparedOperation,
        viewer: Viewer,
        operation_log: OperationLog,
        scope: Scope,
        started: float,
    ) -> None:
        """Execute a query or a mutation in a turn of its own, and tell its response."""
        service = self._service
        turn = service.admission.requests.arrive(scope.get("client"), scope["headers"])
        try:
            if not await turn.has_come():
                raise turns.refusal()
            response = None
            if service.replica is not None and service.replica.forwards(prepared, viewer):
                client = service.operations.client_address(scope)
                response = await service.replica.execute(
                    prepared, viewer, operation_log, scope["headers"], client
                )
            if response is None:
                response = await service.operations.execute(prepared, viewer, operation_log)
            consistency.add_mark(response, prepared.mark)
        except RequestRefused as refused:
            operation_log.refuse(refused.code)
            response = {"errors": refused.formatted()}
        except HTTPError as error:
            operation_log.refuse(errors.CODES[error.status])
            response = error.body
        except Exception:
            operation_log.outcome = "failed"
            log.exception("operation failed")
            response = errors.body(500, "internal error", requestId=request_id.get())
        finally:
            turn.end()
        seconds = time.perf_counter() - started
        middleware.record_operation(service.metrics, operation_log, seconds)
        await self._tell_and_complete(response)

    async def listen(self, listener: Listener) -> None:
        """Tell a subscription's events until its client stops it, or there is a reason to end."""

        async def send(event: Event) -> None:
            await self._stream.tell("next", self._id, payload=orjson.Fragment(event.payload))

        async def keep_alive() -> None:
            """Do nothing: the stream keeps itself alive."""

        await self._stream.opened()
        if told := await listener.tell(send, keep_alive):
            await self._tell_and_complete({"errors": told})

    async def _tell_and_complete(self, response: Any) -> None:
        await self._stream.tell("next", self._id, payload=response)
        await self._stream.tell("complete", self._id)


def _require_room(operations: Sized) -> None:
    """Raise HTTPError if as many of a kind are under way in a stream as may be."""
    if len(operations) >= MAX_OPERATIONS:
        raise HTTPError(429, f"{MAX_OPERATIONS} such operations are under way in this stream")


async def _viewer(scope: Scope) -> Viewer:
    service: Service = scope["app"].service
    return await service.operations.viewer(scope, scope[KEY], scope["headers"])


def _token(scope: Scope, headers: Headers) -> str:
    sent = headers.get(TOKEN_HEADER)
    return sent.decode("latin-1") if sent else _parameter(scope, "token")


def _parameter(scope: Scope, name: str) -> str:
    values = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20).get(name)
    return values[0] if values else ""


def _operation_id(sent: Any) -> str:
    if not isinstance(sent, str) or not 0 < len(sent) <= MAX_ID_LENGTH:
        raise HTTPError(
            400,
            f"operationId must be a text of 1 to {MAX_ID_LENGTH} characters that names the operation",
        )
    return sent


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
