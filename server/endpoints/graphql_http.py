"""/graphql: an envelope in, an operation carried out, an answer in the media type asked for.

The statuses are those of the GraphQL over HTTP specification: a request that could not be carried out
is 400 in application/graphql-response+json, and 200 in application/json unless it was malformed. As an
event stream an answer is what GraphQL over Server-Sent Events says, one operation on each connection.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from resolvers.permissions import Viewer
from resolvers.policy import Policy
from schema.errors import RequestRefused
from schema.limits.limits import Limits
from server.auth.gate import Gate
from server.graphql import operation, request
from server.graphql.request import JSON, Envelope
from server.http import compression, errors, etags, negotiation
from server.http.compression import AcceptedCodings
from server.http.errors import HTTPError
from server.settings import Settings
from server.telemetry.counters import CLIENT_GONE
from server.telemetry.server_timing import ServerTiming
from server.transport.disconnects import ClientDisconnected, cancel_on_disconnect

if TYPE_CHECKING:
    from server.app import Service

RESPONSE_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
HTML = "text/html"
READING = ("GET", "HEAD")
SLOW_SECONDS = 0.001  # as long as a credential that was looked at is taken for good
METHODS = [*READING, "POST", "OPTIONS"]


@dataclass(slots=True)
class Answer:
    """What is sent back, in the coding of `accepted` that fits; `tag` is what its ETag is made of.

    `allow` are the methods that the path takes, where that is worth saying.
    """

    status: int
    body: bytes = b""
    media_type: str = JSON
    allow: str = ""
    headers: Sequence[tuple[bytes, bytes]] = ()
    tag: str | None = None
    accepted: AcceptedCodings = compression.IDENTITY_ONLY


class GraphQL:
    """The ASGI application of one path.

    It speaks ASGI itself: a framework's request and response took as long as a small operation (W1).
    """

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = await _answer(connection, receive)
        headers, body = [], answer.body
        if body:
            coding = answer.accepted.best(len(body))
            body = await compression.compress(body, coding)
            headers = [
                (b"content-length", b"%d" % len(body)),
                (b"content-type", f"{answer.media_type}; charset=utf-8".encode()),
                *compression.headers(coding),
            ]
            if answer.tag is not None:
                headers.append(etags.header(answer.tag, coding))
        if answer.allow:
            headers.append((b"allow", answer.allow.encode()))
        headers += answer.headers
        if connection["method"] in READING and answer.media_type != HTML:
            headers += etags.HEADERS
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _answer(connection: Connection, receive: Receive) -> Answer:
    if connection["method"] == "OPTIONS":
        return Answer(204, allow=", ".join(METHODS))
    media_type = _media_type(connection)
    if media_type == HTML:
        page, headers = connection["app"].page.built(), connection["headers"]
        if page.is_held(headers):
            return Answer(304, media_type=HTML, headers=page.headers(headers))
        return Answer(200, page.html, HTML, headers=page.headers(headers))
    accepted = compression.accepted_codings(connection["headers"])
    try:
        if media_type is None or accepted is None or connection["method"] not in METHODS:
            answer = await _unanswerable(connection, media_type)
        else:
            answer = await _answered(connection, receive, media_type, accepted)
    except ClientDisconnected:
        return Answer(CLIENT_GONE)
    except (HTTPError, RequestRefused) as refused:
        answer = _refused(connection, media_type or JSON, refused)
    answer.accepted = accepted or compression.IDENTITY_ONLY
    return answer


async def _unanswerable(connection: Connection, media_type: str | None) -> Answer:
    """The refusal of a request that nothing could be answered to; raises HTTPError.

    What is served here is for those who may ask, and so is how to ask for it.
    """
    await operation.viewer(connection, connection, connection["headers"])
    method = connection["method"]
    if method not in METHODS:
        return _refusal(JSON, 405, f"{method} is not for /graphql", allow=", ".join(METHODS))
    if media_type is None:
        return _refusal(JSON, 406, f"ask for {RESPONSE_JSON} or {JSON}")
    codings = ", ".join(compression.CODINGS)
    return _refusal(media_type, 406, f"accept one of the encodings {codings} and identity")


def _refused(connection: Connection, media_type: str, why: HTTPError | RequestRefused) -> Answer:
    match why:
        case HTTPError():
            headers = [(name.encode(), value.encode()) for name, value in why.headers.items()]
            return Answer(why.status, orjson.dumps(why.body), _json(media_type), headers=headers)
        case RequestRefused():
            connection["chittygraph.outcome"] = "refused"
            connection["chittygraph.code"] = why.code
            body = orjson.dumps({"errors": why.formatted()})
            if media_type == EVENT_STREAM:  # browsers hide what comes with another status
                return Answer(200, _events(body), media_type)
            return Answer(200 if media_type == JSON else 400, body, media_type)


def _json(media_type: str) -> str:
    """The media type of an answer that is no event."""
    return JSON if media_type == EVENT_STREAM else media_type


async def _answered(
    connection: Connection, receive: Receive, media_type: str, accepted: AcceptedCodings
) -> Answer:
    app: Service = connection["app"]
    timing: ServerTiming | None = connection.get("chittygraph.timing")
    viewer, asked = await _asked(connection, receive, app.settings.max_body_bytes)
    job = operation.prepared(app, connection, asked)
    if timing is not None:
        timing.end_phase("prepare")
    if connection["method"] != "POST" and not job.operation.is_query:
        return _refusal(media_type, 405, "a mutation must be sent with POST", allow="POST")
    state, tag = None, None
    if connection["method"] in READING and media_type != EVENT_STREAM:
        state, raw = app.db.change_token(), connection["query_string"]
        tag = etags.make_tag(state, job.document, raw, media_type, viewer)
        held = etags.matching_header(connection["headers"], tag, accepted)
        if held is not None:
            connection["chittygraph.outcome"] = "ok"
            return Answer(304, headers=[held])
    operation.pay(app, connection, job, viewer)
    if job.operation.is_query:
        with cancel_on_disconnect(receive):
            answer = await operation.carry_out(app, connection, job, viewer)
    else:  # carried out to its end: nobody could tell how far it had got
        answer = await operation.carry_out(app, connection, job, viewer)
    if timing is not None:
        timing.end_phase("execute")
    body = orjson.dumps(answer)
    if media_type == EVENT_STREAM:
        body = _events(body)
    if timing is not None:
        timing.end_phase("encode")
    if tag is not None and ("errors" in answer or app.db.change_token() != state):
        tag = None  # what was committed while it was read may be in it or not
    return Answer(200, body, media_type, tag=tag)


async def _asked(
    connection: Connection, receive: Receive, max_bytes: int
) -> tuple[Viewer, Envelope]:
    """Who asks, and what: the credential is looked at before a body is read.

    It is looked at again where the body took its time, in which the actor may have been suspended.
    """
    viewer = await operation.viewer(connection, connection, connection["headers"])
    started = time.monotonic()
    asked = await request.read(connection, receive, max_bytes)
    gate: Gate | None = connection["app"].gate
    if gate is not None and time.monotonic() - started > SLOW_SECONDS:
        viewer = await gate.recheck(connection["headers"], operation.address_of(connection))
    return viewer, asked


def _events(body: bytes) -> bytes:
    """An answer as the two events of an operation that has one (GraphQL over Server-Sent Events)."""
    return b"event: next\ndata: %b\n\nevent: complete\ndata:\n\n" % body


def policy(settings: Settings) -> Policy:
    """The figures that the registry's rules go by."""
    return Policy(
        page_default=settings.page_default,
        page_max=settings.page_max,
        failure_threshold=settings.failure_threshold,
    )


def limits(settings: Settings) -> Limits:
    """How large an operation may be."""
    return Limits(
        tokens=settings.max_tokens,
        depth=settings.max_depth,
        aliases=settings.max_aliases,
        root_fields=settings.max_root_fields,
        directives=settings.max_directives,
        fields=settings.max_fields,
        cost=settings.max_cost,
    )


def _media_type(connection: Connection) -> str | None:
    """The media type to answer in: the page is for who looks around, not for who asks."""
    accepted = b",".join(value for name, value in connection["headers"] if name == b"accept")
    is_page = (
        connection["method"] in READING
        and b"text/" in accepted.lower()  # a browser; parameters are not read twice for others
        and connection["app"].settings.shows_graphiql
        and not request.asks(connection)
    )
    return _negotiated(accepted, is_page)


@lru_cache(256)
def _negotiated(accepted: bytes, page: bool) -> str | None:
    accept = accepted.decode("latin-1").strip() or "*/*"
    offered = [JSON, RESPONSE_JSON, *([HTML] if page else [])]
    if EVENT_STREAM in accept.lower():  # never for who takes any text
        offered.append(EVENT_STREAM)
    return negotiation.best(accept, offered)


def _refusal(media_type: str, status: int, message: str, allow: str = "") -> Answer:
    body = orjson.dumps(errors.body(status, message))
    return Answer(status, body, _json(media_type), allow)
