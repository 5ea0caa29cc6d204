"""/graphql: an envelope in, an operation carried out, an answer in the media type asked for.

The statuses are those of the GraphQL over HTTP specification: a request that could not be carried out
is 400 in application/graphql-response+json, and 200 in application/json unless it was malformed.
"""

from contextlib import nullcontext
from functools import lru_cache
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
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


class GraphQL:
    """The ASGI application of one path."""

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(connection, receive)
        response = await _response(request)
        await response(connection, receive, send)


async def _response(request: Request) -> Response:
    if request.method not in METHODS:
        refusal = _refusal(JSON, 405, f"{request.method} is not for /graphql")
        refusal.headers["Allow"] = ", ".join(METHODS)
        return refusal
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": ", ".join(METHODS)})
    media_type = _media_type(request)
    if media_type is None:
        return _refusal(JSON, 406, f"ask for {RESPONSE_JSON} or {JSON}")
    if media_type == HTML:
        return HTMLResponse(get_graphql_ide_html(graphql_ide="graphiql"))
    try:
        return await _answered(request, media_type)
    except ClientGone:
        return Response(status_code=CLIENT_GONE)
    except Malformed as malformed:
        return _refusal(media_type, malformed.status, str(malformed))
    except RequestRefused as refused:
        status = 200 if media_type == JSON else 400
        return _answer(media_type, status, {"errors": refused.formatted()})


async def _answered(request: Request, media_type: str) -> Response:
    settings: Settings = request.app.state.settings
    asked = await envelope.read(request, settings.max_body_bytes)
    prepared = request.app.state.documents.prepare(asked.query)
    operation = prepared.operation(asked.operation_name)
    if operation.name:
        request.scope["chittygraph.operation"] = operation.name.value
    only_reads = prepared.is_query(asked.operation_name)
    if request.method != "POST" and not only_reads:
        refusal = _refusal(media_type, 405, "a mutation must be sent with POST")
        refusal.headers["Allow"] = "POST"
        return refusal
    # A mutation is carried out to its end: nobody could tell how far it had got.
    async with stopping_when_gone(request.receive) if only_reads else nullcontext():
        answer = await _carry_out(request, asked, prepared)
    return _answer(media_type, 200, answer)


async def _carry_out(request: Request, asked: Envelope, prepared: Prepared) -> dict[str, Any]:
    state = request.app.state
    async with Scope(db=state.db, cursor_key=state.cursor_key, settings=state.rules) as scope:
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


def _media_type(request: Request) -> str | None:
    """The media type to answer in: the page is for who looks around, not for who asks."""
    accepted = ",".join(request.headers.getlist("accept")).strip() or "*/*"
    is_page = request.method != "POST" and "query" not in request.query_params
    return _negotiated(accepted, is_page and request.app.state.settings.graphiql)


@lru_cache(256)
def _negotiated(accepted: str, page: bool) -> str | None:
    return negotiation.best(accepted, [JSON, RESPONSE_JSON, *([HTML] if page else [])])


def _refusal(media_type: str, status: int, message: str) -> Response:
    return _answer(media_type, status, refusals.body(status, message))


def _answer(media_type: str, status: int, body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), status, media_type=f"{media_type}; charset=utf-8")
