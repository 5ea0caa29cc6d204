"""/graphql: an envelope in, an operation carried out, an answer in the media type asked for.

The statuses are those of the GraphQL over HTTP specification: a request that could not be carried out
is 400 in application/graphql-response+json, and 200 in application/json unless it was malformed.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from starlette.types import Receive, Send
from starlette.types import Scope as Connection
from strawberry.http.ides import get_graphql_ide_html

from resolvers.scope import Rules, Scope
from schema import errors
from schema.errors import RequestRefused
from schema.execution import Prepared
from server import envelope, logs, negotiation, refusals
from server.disconnects import ClientGone, stopping_when_gone
from server.envelope import JSON, Envelope, Malformed
from server.settings import Settings

RESPONSE_JSON = "application/graphql-response+json"
HTML = "text/html"
METHODS = ["GET", "HEAD", "POST", "OPTIONS"]
CLIENT_GONE = 499  # for the log only: nobody receives it


@dataclass(slots=True)
class Answer:
    """What is sent back; `allow` are the methods that the path takes, where that is worth saying."""

    status: int
    body: bytes = b""
    media_type: str = JSON
    allow: str = ""


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
        return Answer(200, get_graphql_ide_html(graphql_ide="graphiql").encode(), HTML)
    try:
        return await _answered(connection, receive, media_type)
    except ClientGone:
        return Answer(CLIENT_GONE)
    except Malformed as malformed:
        return _refusal(media_type, malformed.status, str(malformed))
    except RequestRefused as refused:
        status = 200 if media_type == JSON else 400
        return Answer(status, orjson.dumps({"errors": refused.formatted()}), media_type)


async def _answered(connection: Connection, receive: Receive, media_type: str) -> Answer:
    state = connection["app"].state
    settings: Settings = state.settings
    asked = await envelope.read(connection, receive, settings.max_body_bytes)
    prepared = state.documents.prepare(asked.query)
    operation = prepared.operation(asked.operation_name)
    if operation.name:
        connection["chittygraph.operation"] = operation.name
    if connection["method"] != "POST" and not operation.is_query:
        return _refusal(media_type, 405, "a mutation must be sent with POST", allow="POST")
    if operation.is_query:
        with stopping_when_gone(receive):
            answer = await _carry_out(state, asked, prepared)
    else:  # carried out to its end: nobody could tell how far it had got
        answer = await _carry_out(state, asked, prepared)
    return Answer(200, orjson.dumps(answer), media_type)


async def _carry_out(state: Any, asked: Envelope, prepared: Prepared) -> dict[str, Any]:
    scope = Scope(db=state.db, cursor_key=state.cursor_key, settings=state.rules, mint=state.mint)
    async with scope:
        answered = await state.roads.answer(prepared, scope, asked.variables, asked.operation_name)
    answer: dict[str, Any] = {"data": answered.data}
    if answered.errors:
        answer["errors"] = errors.formatted(answered.errors, logs.request_id.get())
    return answer


def rules(settings: Settings) -> Rules:
    """The figures that the registry's rules go by."""
    return Rules(
        page_default=settings.page_default,
        page_max=settings.page_max,
        failure_threshold=settings.failure_threshold,
    )


def _media_type(connection: Connection) -> str | None:
    """The media type to answer in: the page is for who looks around, not for who asks."""
    accepted = b",".join(value for name, value in connection["headers"] if name == b"accept")
    is_page = connection["method"] != "POST" and not envelope.asks(connection)
    return _negotiated(accepted, is_page and connection["app"].state.settings.graphiql)


@lru_cache(256)
def _negotiated(accepted: bytes, page: bool) -> str | None:
    accept = accepted.decode("latin-1").strip() or "*/*"
    return negotiation.best(accept, [JSON, RESPONSE_JSON, *([HTML] if page else [])])


def _refusal(media_type: str, status: int, message: str, allow: str = "") -> Answer:
    return Answer(status, orjson.dumps(refusals.body(status, message)), media_type, allow)
