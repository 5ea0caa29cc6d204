"""/graphql over HTTP.

Statuses follow the GraphQL over HTTP specification: a refused operation is 400 in the media type
application/graphql-response+json, and 200 in application/json. Event streams follow GraphQL over SSE, with
one operation per connection.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import orjson
from starlette.types import Receive, Scope, Send

from resolvers.permissions import Viewer
from schema.errors import RequestRefused
from server.graphql import request
from server.graphql.request import JSON
from server.http import compression, etags, negotiation
from server.http.compression import AcceptedCodings
from server.http.errors import HTTPError
from server.service import Service
from server.telemetry.counters import CLIENT_GONE
from server.telemetry.operation_log import KEY, OperationLog
from server.transport.disconnects import ClientDisconnected, cancel_on_disconnect

RESPONSE_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
HTML = "text/html"
READ_METHODS = ("GET", "HEAD")
METHODS = [*READ_METHODS, "POST", "OPTIONS"]
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send, viewer: Viewer) -> None:
        media_type = _negotiate(_accept(scope))
        accepted = compression.accepted_codings(scope["headers"])
        try:
            if media_type is None or accepted is None or scope["method"] not in METHODS:
                reply = _not_acceptable(scope["method"], media_type)
            else:
                reply = await _answer(scope, receive, viewer, media_type, accepted)
        except ClientDisconnected:
            reply = Reply(CLIENT_GONE)
        except RequestRefused as refused:
            scope[KEY].refuse(refused.code)
            reply = _refusal_reply(media_type, refused)
        except HTTPError as error:
            reply = _error_reply(media_type, error)
        await _send(scope, send, reply, accepted)

    async def refuse(self, scope: Scope, send: Send, error: HTTPError) -> None:
        """Answer a request that the gate refuses."""
        reply = _error_reply(_negotiate(_accept(scope)), error)
        await _send(scope, send, reply, compression.accepted_codings(scope["headers"]))


async def options(send: Send) -> None:
    headers = [(b"allow", ", ".join(METHODS).encode())]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def wants_page(scope: Scope) -> bool:
    """Whether a browser requests the GraphiQL page: it prefers HTML and names no document."""
    if scope["method"] not in READ_METHODS:
        return False
    accept = _accept(scope)
    return (
        b"text/" in accept.lower()  # so that other clients' parameters are not parsed twice
        and _negotiate(accept, HTML) == HTML
        and not request.has_document(scope)
    )


async def _answer(
    scope: Scope, receive: Receive, viewer: Viewer, media_type: str, accepted: AcceptedCodings
) -> Reply:
    service: Service = scope["app"].service
    operations, method = service.operations, scope["method"]
    log: OperationLog = scope[KEY]
    timing, started = log.timing, time.monotonic()
    graphql_request = await request.read(scope, receive, service.settings.max_body_bytes)
    if operations.gate is not None and time.monotonic() - started > RECHECK_SECONDS:
        address = operations.client_address(scope)
        viewer = await operations.gate.recheck(scope["headers"], address)
    prepared = operations.prepare(graphql_request, log)
    if timing is not None:
        timing.end_phase("prepare")
    is_query = prepared.operation.is_query
    if method != "POST" and not is_query:
        raise HTTPError(405, "a mutation must be sent with POST", {"allow": "POST"})
    change_token, tag, matching = None, None, None
    if method in READ_METHODS and media_type != EVENT_STREAM:
        change_token, query = service.db.change_token(), scope["query_string"]
        tag = etags.make_tag(change_token, prepared.document.text, query, media_type, viewer)
        matching = etags.matching_header(scope["headers"], tag, accepted)
    if matching is not None:
        log.outcome = "ok"
        return Reply(304, headers=[matching])
    operations.charge(prepared, viewer, log)
    if is_query:
        with cancel_on_disconnect(receive):
            response = await operations.execute(prepared, viewer, log)
    else:  # never cancelled: the client could not tell which fields were done
        response = await operations.execute(prepared, viewer, log)
    if timing is not None:
        timing.end_phase("execute")
    body = orjson.dumps(response)
    body = _events(body) if media_type == EVENT_STREAM else body
    if timing is not None:
        timing.end_phase("encode")
    if tag is not None and ("errors" in response or service.db.change_token() != change_token):
        tag = None  # a commit during the read may be in the response or not
    return Reply(200, body, media_type, tag=tag)


async def _send(scope: Scope, send: Send, reply: Reply, accepted: AcceptedCodings | None) -> None:
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
        headers += etags.HEADERS
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _not_acceptable(method: str, media_type: str | None) -> Reply:
    if method not in METHODS:
        allow = {"allow": ", ".join(METHODS)}
        return _error_reply(JSON, HTTPError(405, f"{method} is not for /graphql", allow))
    if media_type is None:
        return _error_reply(JSON, HTTPError(406, f"ask for {RESPONSE_JSON} or {JSON}"))
    codings = ", ".join(compression.CODINGS)
    message = f"accept one of the encodings {codings} and identity"
    return _error_reply(media_type, HTTPError(406, message))


def _refusal_reply(media_type: str | None, refused: RequestRefused) -> Reply:
    body = orjson.dumps({"errors": refused.formatted()})
    if media_type == EVENT_STREAM:  # browsers hide what comes with another status
        return Reply(200, _events(body), EVENT_STREAM)
    return Reply(400 if media_type == RESPONSE_JSON else 200, body, media_type or JSON)


def _error_reply(media_type: str | None, error: HTTPError) -> Reply:
    if media_type is None or media_type == EVENT_STREAM:
        media_type = JSON
    headers = [(name.encode(), value.encode()) for name, value in error.headers.items()]
    return Reply(error.status, orjson.dumps(error.body), media_type, headers)


def _events(body: bytes) -> bytes:
    """The two events of an operation with one response (GraphQL over Server-Sent Events)."""
    return b"event: next\ndata: %b\n\nevent: complete\ndata:\n\n" % body


def _accept(scope: Scope) -> bytes:
    return b",".join([value for name, value in scope["headers"] if name == b"accept"])


@lru_cache(256)
def _negotiate(accept: bytes, *more: str) -> str | None:
    text = accept.decode("latin-1").strip() or "*/*"
    offered = [JSON, RESPONSE_JSON, *more]
    if EVENT_STREAM in text.lower():  # only if named: `text/*` is not enough
        offered.append(EVENT_STREAM)
    return negotiation.best(text, offered)
