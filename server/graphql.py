"""/graphql: an envelope in, an operation carried out, an answer in the media type asked for.

The statuses are those of the GraphQL over HTTP specification: a request that could not be carried out
is 400 in application/graphql-response+json, and 200 in application/json unless it was malformed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from resolvers.scope import Rules, Scope, Viewer
from schema import errors
from schema.errors import RequestRefused
from schema.execution import Prepared
from schema.limits import Limits
from server import compression, envelope, etags, logs, negotiation, refusals
from server.compression import Accepted
from server.disconnects import ClientGone, stopping_when_gone
from server.envelope import JSON, Envelope, Malformed
from server.metrics import CLIENT_GONE
from server.phases import Phases
from server.settings import Settings

RESPONSE_JSON = "application/graphql-response+json"
HTML = "text/html"
READING = ("GET", "HEAD")
METHODS = [*READING, "POST", "OPTIONS"]


@dataclass(slots=True)
class Answer:
    """What is sent back; `allow` are the methods that the path takes, where that is worth saying."""

    status: int
    body: bytes = b""
    media_type: str = JSON
    allow: str = ""
    headers: Sequence[tuple[bytes, bytes]] = ()


class GraphQL:
    """The ASGI application of one path.

    It speaks ASGI itself: a framework's request and response took as long as a small operation (W1).
    """

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = await _answer(connection, receive)
        headers = []
        if answer.body:
            headers = [
                (b"content-length", b"%d" % len(answer.body)),
                (b"content-type", f"{answer.media_type}; charset=utf-8".encode()),
            ]
        if answer.allow:
            headers.append((b"allow", answer.allow.encode()))
        headers += answer.headers
        if connection["method"] in READING and answer.media_type != HTML:
            headers += etags.HEADERS
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


async def _answer(connection: Connection, receive: Receive) -> Answer:
    method = connection["method"]
    if method not in METHODS:
        return _refusal(JSON, 405, f"{method} is not for /graphql", allow=", ".join(METHODS))
    if method == "OPTIONS":
        return Answer(204, allow=", ".join(METHODS))
    media_type = _media_type(connection)
    if media_type is None:
        return _refusal(JSON, 406, f"ask for {RESPONSE_JSON} or {JSON}")
    if media_type == HTML:
        page = connection["app"].state.page
        if page.is_held(connection["headers"]):
            return Answer(304, media_type=HTML, headers=page.headers)
        return Answer(200, page.html, HTML, headers=page.headers)
    accepted = compression.accepted(connection["headers"])
    if accepted is None:
        codings = ", ".join(compression.CODINGS)
        return _refusal(media_type, 406, f"accept one of the encodings {codings} and identity")
    try:
        return await _answered(connection, receive, media_type, accepted)
    except ClientGone:
        return Answer(CLIENT_GONE)
    except Malformed as malformed:
        return _refusal(media_type, malformed.status, str(malformed))
    except RequestRefused as refused:
        connection["chittygraph.outcome"] = "refused"
        connection["chittygraph.code"] = refused.code
        status = 200 if media_type == JSON else 400
        return Answer(status, orjson.dumps({"errors": refused.formatted()}), media_type)


async def _answered(
    connection: Connection, receive: Receive, media_type: str, accepted: Accepted
) -> Answer:
    state = connection["app"].state
    settings: Settings = state.settings
    phases: Phases | None = connection.get("chittygraph.phases")
    asked = await envelope.read(connection, receive, settings.max_body_bytes)
    document = state.trusted.document(asked)
    prepared = state.documents.prepare(document)
    connection["chittygraph.document"] = prepared.digest
    operation = prepared.operation(asked.operation_name)
    if operation.name:
        connection["chittygraph.operation"] = operation.name
    if phases is not None:
        phases.end("prepare")
    if connection["method"] != "POST" and not operation.is_query:
        return _refusal(media_type, 405, "a mutation must be sent with POST", allow="POST")
    tag = None
    if connection["method"] in READING:
        tag = etags.tag(
            state.db.state(), document, connection["query_string"], media_type, Viewer()
        )
        held = etags.still_held(connection["headers"], tag, accepted)
        if held is not None:
            connection["chittygraph.outcome"] = "ok"
            return Answer(304, headers=[held])
    connection["chittygraph.cost"] = state.documents.requested(operation, asked.variables)
    if operation.is_query:
        with stopping_when_gone(receive):
            answer = await _carry_out(connection, asked, prepared)
    else:  # carried out to its end: nobody could tell how far it had got
        answer = await _carry_out(connection, asked, prepared)
    if phases is not None:
        phases.end("execute")
    body = orjson.dumps(answer)
    if phases is not None:
        phases.end("encode")
    coding = accepted.best(len(body))
    headers = compression.headers(coding)
    if tag is not None and "errors" not in answer:
        headers.append(etags.header(tag, coding))
    return Answer(200, await compression.compressed(body, coding), media_type, headers=headers)


async def _carry_out(connection: Connection, asked: Envelope, prepared: Prepared) -> dict[str, Any]:
    state = connection["app"].state
    scope = Scope(db=state.db, cursor_key=state.cursor_key, settings=state.rules, mint=state.mint)
    connection["chittygraph.spent"] = scope.spent
    async with scope:
        answered = await state.roads.answer(prepared, scope, asked.variables, asked.operation_name)
    connection["chittygraph.road"] = "generic" if answered.why_generic else "compiled"
    connection["chittygraph.outcome"] = "errors" if answered.errors else "ok"
    answer: dict[str, Any] = {"data": answered.data}
    if answered.errors:
        answer["errors"] = errors.formatted(answered.errors, logs.request_id.get())
    if asked.wants_cost:
        cost = prepared.operation(asked.operation_name).cost
        figures = {
            "requested": connection["chittygraph.cost"],
            "actual": cost.actual(orjson.loads(orjson.dumps(answered.data))),
            "limit": state.settings.max_cost,
        }
        answer["extensions"] = {"cost": figures}
    return answer


def rules(settings: Settings) -> Rules:
    """The figures that the registry's rules go by."""
    return Rules(
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
        connection["method"] != "POST"
        and b"text/" in accepted.lower()  # a browser; parameters are not read twice for others
        and connection["app"].state.settings.graphiql
        and not envelope.asks(connection)
    )
    return _negotiated(accepted, is_page)


@lru_cache(256)
def _negotiated(accepted: bytes, page: bool) -> str | None:
    accept = accepted.decode("latin-1").strip() or "*/*"
    return negotiation.best(accept, [JSON, RESPONSE_JSON, *([HTML] if page else [])])


def _refusal(media_type: str, status: int, message: str, allow: str = "") -> Answer:
    return Answer(status, orjson.dumps(refusals.body(status, message)), media_type, allow)
