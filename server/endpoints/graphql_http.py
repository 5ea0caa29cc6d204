"""/graphql over HTTP.

Requests and responses follow GraphQL over HTTP, with the statuses that a setting names. QUERY (RFC 10008) is
a GET whose parameters are in its body. Event streams follow GraphQL over SSE, with one operation per
connection; subscriptions go on until their client leaves.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import orjson
from starlette.types import Receive, Scope, Send

from db.consistency import Level
from db.errors import Unavailable
from resolvers.permissions import Viewer
from schema.errors import RequestRefused
from server.endpoints.event_stream import COMPLETE, EventStream, next_event
from server.endpoints.statuses import RESPONSE_JSON, Statuses
from server.graphql import consistency, idempotency_keys, request
from server.graphql.operation import PreparedOperation
from server.graphql.request import JSON
from server.http import compression, etags, negotiation
from server.http.compression import AcceptedCodings
from server.http.errors import HTTPError
from server.http.headers import KEY as HEADERS
from server.http.headers import Headers
from server.replica.primary import Forwarded
from server.service import Service
from server.telemetry.counters import CLIENT_GONE
from server.telemetry.operation_log import KEY, OperationLog
from server.transport.disconnects import ClientDisconnected, cancel_on_disconnect

EVENT_STREAM = "text/event-stream"
HTML = "text/html"
PAGE_METHODS = ("GET", "HEAD")
READ_METHODS = (*PAGE_METHODS, "QUERY")
METHODS = (*READ_METHODS, "POST", "OPTIONS")
ALLOW = {"allow": ", ".join(METHODS)}
ACCEPT_QUERY = (b"accept-query", JSON.encode())  # what a QUERY may contain (RFC 10008, section 3)
READ_HEADERS = (*etags.HEADERS, ACCEPT_QUERY)
# Parameters that name a document, and those whose document no page shows.
EXECUTED = {"documentId", "extensions"}
DOCUMENTS = {"query", *EXECUTED}
# A credential is checked again if the body took longer than this to arrive.
RECHECK_SECONDS = 0.001


@dataclass(slots=True)
class Reply:
    """A response before compression; its ETag is made from `tag`."""

    status: int
    body: bytes = b""
    media_type: str = JSON
    headers: Sequence[tuple[bytes, bytes]] = ()
    tag: str | None = None


class GraphQLHTTP:
    """Plain ASGI: a framework's request and response took as long as a small operation (W1)."""

    def __init__(self, statuses: Statuses) -> None:
        self._statuses = statuses

    async def __call__(self, scope: Scope, receive: Receive, send: Send, viewer: Viewer) -> None:
        headers: Headers = scope[HEADERS]
        statuses, media_type = self._statuses, _negotiate(_accept(headers))
        accepted = compression.accepted_codings(headers)
        reply: Reply | EventStream | Forwarded
        try:
            if media_type is None or accepted is None or scope["method"] not in METHODS:
                reply = _not_acceptable(statuses, scope["method"], media_type)
            else:
                reply = await _answer(
                    _Exchange(scope, receive, viewer, headers, media_type, accepted, statuses)
                )
        except ClientDisconnected:
            reply = Reply(CLIENT_GONE)
        except RequestRefused as refused:
            scope[KEY].refuse(refused.code)
            reply = refusal_reply(statuses, media_type, refused)
        except HTTPError as error:
            reply = error_reply(statuses, media_type, error)
        if isinstance(reply, EventStream | Forwarded):
            await reply.respond(send)
        else:
            await send_reply(scope, send, reply, accepted)

    async def refuse(self, scope: Scope, send: Send, error: HTTPError) -> None:
        """Answer a request that the gate refuses."""
        headers: Headers = scope[HEADERS]
        reply = error_reply(self._statuses, _negotiate(_accept(headers)), error)
        await send_reply(scope, send, reply, compression.accepted_codings(headers))


async def options(send: Send) -> None:
    headers = [*_encoded(ALLOW), ACCEPT_QUERY]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def wants_page(scope: Scope, *, is_served: bool) -> bool:
    """Whether a browser's GET or HEAD is for the GraphiQL page: it prefers HTML and names no document.

    A page that is served opens a `query` in its editor; one that is not leaves it to be executed.
    """
    return _prefers_html(_accept(scope[HEADERS])) and request.parameter_names(scope).isdisjoint(
        EXECUTED if is_served else DOCUMENTS
    )


@dataclass(eq=False, slots=True)
class _Exchange:
    """A request that can be answered, and in which form."""

    scope: Scope
    receive: Receive
    viewer: Viewer
    headers: Headers
    media_type: str
    accepted: AcceptedCodings
    statuses: Statuses


async def _answer(exchange: _Exchange) -> Reply | EventStream | Forwarded:
    scope = exchange.scope
    service: Service = scope["app"].service
    operations, method = service.operations, scope["method"]
    log: OperationLog = scope[KEY]
    timing, started = log.timing, time.monotonic()
    bodies, replica, receive = service.graphql_bodies, service.replica, exchange.receive
    if replica is not None:
        replica.admit(exchange.headers)
        receive = body = replica.recorded(receive)
    graphql_request = await request.read(scope, exchange.headers, receive, bodies)
    if operations.gate is not None and time.monotonic() - started > RECHECK_SECONDS:
        address = operations.client_address(scope)
        exchange.viewer = await operations.gate.recheck(scope["headers"], address)
    prepared = operations.prepare(
        graphql_request, log, exchange.headers.get(idempotency_keys.HEADER)
    )
    if consistency.HEADER in exchange.headers or consistency.MARK_HEADER in exchange.headers:
        prepared.at = consistency.at_of(exchange.headers, operations.cursor_key)
    if timing is not None:
        timing.end_phase("prepare")
    if prepared.operation.is_subscription:
        return await _subscribe(exchange, prepared, started)
    if method != "POST" and not prepared.operation.is_query:
        raise HTTPError(405, "a mutation must be sent with POST", {"allow": "POST"})
    if replica is not None and replica.forwards(prepared, exchange.viewer):
        answer = await _forward(exchange, prepared, body.received)
        if answer is not None:
            return answer
    if method == "POST" or exchange.media_type == EVENT_STREAM:
        return await _execute(exchange, prepared)
    return await _revalidate(exchange, prepared)


async def _subscribe(
    exchange: _Exchange, prepared: PreparedOperation, started: float
) -> EventStream:
    if exchange.media_type != EVENT_STREAM:
        raise RequestRefused.because(
            "STREAM_REQUIRED",
            f"a subscription is answered by an event stream: send Accept: {EVENT_STREAM}, or use a WebSocket",
        )
    scope = exchange.scope
    if scope["method"] == "HEAD":
        raise HTTPError(405, "a subscription must be sent with GET, QUERY or POST", ALLOW)
    service: Service = scope["app"].service
    log: OperationLog = scope[KEY]
    service.operations.charge(prepared, exchange.viewer, log)
    credentials = [header for header in scope["headers"] if header[0] == b"authorization"]
    last_event_id = exchange.headers.get(b"last-event-id", b"").decode("latin-1") or None
    listener = await service.subscriptions.listen(
        prepared, exchange.viewer, credentials, log, last_event_id
    )
    log.outcome, log.seconds = "ok", time.monotonic() - started
    return EventStream(listener, exchange.receive, service.disconnects)


async def _forward(
    exchange: _Exchange, prepared: PreparedOperation, body: bytes
) -> Forwarded | None:
    """The primary's answer; None if it is not there and this replica may answer in its place."""
    scope = exchange.scope
    service: Service = scope["app"].service
    assert service.replica is not None  # noqa: S101 - it forwards
    client = service.operations.client_address(scope)
    outgoing = service.replica.outgoing(scope, body, client, prepared)
    if prepared.operation.is_query:
        with cancel_on_disconnect(exchange.receive, service.disconnects):
            answer = await service.replica.forward(outgoing, prepared, exchange.viewer)
    else:
        answer = await service.replica.forward(outgoing, prepared, exchange.viewer)
    if answer is not None:
        scope[KEY].outcome = "forwarded"
    return answer


async def _execute(exchange: _Exchange, prepared: PreparedOperation) -> Reply:
    service: Service = exchange.scope["app"].service
    operations, viewer, media_type = service.operations, exchange.viewer, exchange.media_type
    log: OperationLog = exchange.scope[KEY]
    operations.charge(prepared, viewer, log)
    if prepared.operation.is_query:
        with cancel_on_disconnect(exchange.receive, service.disconnects):
            response = await operations.execute(prepared, viewer, log)
    else:  # never cancelled: the client could not tell which fields were done
        response = await operations.execute(prepared, viewer, log)
    if log.timing is not None:
        log.timing.end_phase("execute")
    body = orjson.dumps(response)
    body = _events(body) if media_type == EVENT_STREAM else body
    if log.timing is not None:
        log.timing.end_phase("encode")
    # Browsers hide an event stream that comes with another status.
    is_partial = "errors" in response and media_type != EVENT_STREAM
    status = exchange.statuses.partial if is_partial else 200
    headers = () if prepared.mark is None else ((consistency.MARK_HEADER, prepared.mark.encode()),)
    return Reply(status, body, media_type, headers)


async def _revalidate(exchange: _Exchange, prepared: PreparedOperation) -> Reply:
    """The response with its tag; without its body if the client has it."""
    viewer, media_type = exchange.viewer, exchange.media_type
    service: Service = exchange.scope["app"].service
    log: OperationLog = exchange.scope[KEY]
    state = tag = matching = None
    # For others, a tag of the state would tell when somebody writes: theirs is of the response. So is one of
    # what may be older than the state, which a client that asks for more must not be told to keep.
    is_of_state = viewer.sees_everything and (
        prepared.at.level is Level.WEAK or not service.db.has_copies
    )
    if is_of_state:
        try:
            state = await service.db.change_token()
        except Unavailable as error:
            raise HTTPError(503, str(error), {"retry-after": "1"}) from None
    if state is not None:
        document, source = prepared.document.digest, prepared.request.source
        tag = etags.make_tag(state, document, source, media_type, viewer)
        matching = etags.matching_header(exchange.headers, tag, exchange.accepted)
    if matching is not None:
        log.outcome = "ok"
        return Reply(304, headers=[matching])
    reply = await _execute(exchange, prepared)
    if log.outcome != "ok" or prepared.is_torn:
        return reply
    if not is_of_state:
        reply.tag = etags.tag_of(reply.body, media_type)
        matching = etags.matching_header(exchange.headers, reply.tag, exchange.accepted)
        return reply if matching is None else Reply(304, headers=[matching])
    # A commit during the read may be in the response or not.
    with suppress(Unavailable):
        if tag is not None and await service.db.change_token() == state:
            reply.tag = tag
    return reply


async def send_reply(
    scope: Scope, send: Send, reply: Reply, accepted: AcceptedCodings | None
) -> None:
    headers, body = [], reply.body
    if body:
        coding = compression.IDENTITY if accepted is None else accepted.best(len(body))
        if coding != compression.IDENTITY:
            body = await compression.compress(body, coding)
        headers = [
            (b"content-length", b"%d" % len(body)),
            (b"content-type", f"{reply.media_type}; charset=utf-8".encode()),
        ]
        if coding != compression.IDENTITY:
            headers += compression.headers(coding)
        if reply.tag is not None:
            headers.append(etags.header(reply.tag, coding))
    headers += reply.headers
    if scope["method"] in READ_METHODS:
        headers += READ_HEADERS
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _not_acceptable(statuses: Statuses, method: str, media_type: str | None) -> Reply:
    if method not in METHODS:
        return error_reply(statuses, JSON, HTTPError(405, f"{method} is not for /graphql", ALLOW))
    if media_type is None:
        return error_reply(statuses, JSON, HTTPError(406, f"ask for {RESPONSE_JSON} or {JSON}"))
    codings = ", ".join(compression.CODINGS)
    message = f"accept one of the encodings {codings} and identity"
    return error_reply(statuses, media_type, HTTPError(406, message))


def refusal_reply(statuses: Statuses, media_type: str | None, refused: RequestRefused) -> Reply:
    body = orjson.dumps({"errors": refused.formatted()})
    if media_type == EVENT_STREAM:
        return Reply(200, _events(body), EVENT_STREAM)
    status, media_type = statuses.of_refusal(refused.code, media_type)
    return Reply(status, body, media_type)


def error_reply(statuses: Statuses, media_type: str | None, error: HTTPError) -> Reply:
    status, media_type = statuses.of_error(error, media_type)
    return Reply(status, orjson.dumps(error.body), media_type, _encoded(error.headers))


def _events(body: bytes) -> bytes:
    """The two events of an operation with one response (GraphQL over Server-Sent Events)."""
    return next_event(body) + COMPLETE


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _accept(headers: Headers) -> bytes:
    # Cut off, as the header is what caches keep.
    return headers.get(b"accept", b"")[: negotiation.MAX_CHARACTERS]


@lru_cache(256)
def _prefers_html(accept: bytes) -> bool:
    # A client that names no text is no browser, even if it prefers anything to JSON.
    return b"text/" in accept.lower() and _negotiate(accept, HTML) == HTML


@lru_cache(256)
def _negotiate(accept: bytes, *more: str) -> str | None:
    text = accept.decode("latin-1").strip() or "*/*"
    offered = [JSON, RESPONSE_JSON, *more]
    if EVENT_STREAM in text.lower():  # only if named: `text/*` is not enough
        offered.append(EVENT_STREAM)
    return negotiation.best(text, offered)
