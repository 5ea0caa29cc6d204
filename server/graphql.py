"""/graphql: an envelope in, an operation carried out, an answer in the media type asked for.

The statuses are those of the GraphQL over HTTP specification: a request that could not be carried out
is 400 in application/graphql-response+json, and 200 in application/json unless it was malformed.
"""

import logging
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from strawberry.http.ides import get_graphql_ide_html

from resolvers.scope import Rules, Scope
from schema import errors, execution
from schema.errors import RequestRefused
from server import envelope, logs, negotiation, refusals
from server.disconnects import ClientGone, stopping_when_gone
from server.envelope import JSON, Envelope, Malformed
from server.settings import Settings

log = logging.getLogger(__name__)

RESPONSE_JSON = "application/graphql-response+json"
HTML = "text/html"
CLIENT_GONE = 499  # for the log only: nobody receives it
METHODS = "GET, HEAD, POST, OPTIONS"


async def endpoint(request: Request) -> Response:
    """Answer one request to /graphql."""
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": METHODS})
    media_type = negotiation.best(_accepted(request), _offered(request))
    if media_type is None:
        return _refusal(JSON, 406, f"ask for {RESPONSE_JSON} or {JSON}")
    if media_type == HTML:
        return HTMLResponse(get_graphql_ide_html(graphql_ide="graphiql"))
    settings: Settings = request.app.state.settings
    try:
        asked = await envelope.read(request, settings.max_body_bytes)
        prepared = request.app.state.documents.prepare(asked.query)
        operation = prepared.operation(asked.operation_name)
        if operation.name:
            request.scope["chittygraph.operation"] = operation.name.value
        if request.method != "POST" and not prepared.is_query(asked.operation_name):
            refusal = _refusal(media_type, 405, "a mutation must be sent with POST")
            refusal.headers["Allow"] = "POST"
            return refusal
        async with stopping_when_gone(request.receive):
            answer = await _carry_out(request, asked, prepared)
        return _answer(media_type, 200, answer)
    except ClientGone:
        return Response(status_code=CLIENT_GONE)
    except Malformed as malformed:
        return _refusal(media_type, malformed.status, str(malformed))
    except RequestRefused as refused:
        status = 200 if media_type == JSON else 400
        return _answer(media_type, status, {"errors": refused.formatted()})


async def _carry_out(
    request: Request, asked: Envelope, prepared: execution.Prepared
) -> dict[str, Any]:
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


def _accepted(request: Request) -> str:
    return ",".join(request.headers.getlist("accept")).strip() or "*/*"


def _offered(request: Request) -> list[str]:
    """The media types to choose from: the page is for who looks around, not for who asks."""
    is_page = request.method != "POST" and "query" not in request.query_params
    return [
        JSON,
        RESPONSE_JSON,
        *([HTML] if is_page and request.app.state.settings.graphiql else []),
    ]


def _refusal(media_type: str, status: int, message: str) -> Response:
    return _answer(media_type, status, refusals.body(status, message))


def _answer(media_type: str, status: int, body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), status, media_type=f"{media_type}; charset=utf-8")
