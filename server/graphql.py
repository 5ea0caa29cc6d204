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
from server import envelope, logs
from server.envelope import JSON, Envelope, Malformed
from server.settings import Settings

log = logging.getLogger(__name__)

RESPONSE_JSON = "application/graphql-response+json"
METHODS = "GET, HEAD, POST, OPTIONS"


async def endpoint(request: Request) -> Response:
    """Answer one request to /graphql."""
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": METHODS})
    if _wants_page(request):
        return HTMLResponse(get_graphql_ide_html(graphql_ide="graphiql"))
    media_type = _media_type(request.headers.get("accept", "*/*"))
    if media_type is None:
        return _refusal(JSON, 406, "NOT_ACCEPTABLE", f"ask for {RESPONSE_JSON} or {JSON}")
    settings: Settings = request.app.state.settings
    try:
        asked = await envelope.read(request, settings.max_body_bytes)
        prepared = request.app.state.documents.prepare(asked.query)
        if request.method != "POST" and not prepared.is_query(asked.operation_name):
            refusal = _refusal(media_type, 405, "USE_POST", "a mutation must be sent with POST")
            refusal.headers["Allow"] = "POST"
            return refusal
        return _answer(media_type, 200, await _carry_out(request, asked, prepared))
    except Malformed as malformed:
        return _refusal(media_type, malformed.status, "BAD_REQUEST", str(malformed))
    except RequestRefused as refused:
        status = 200 if media_type == JSON else 400
        return _answer(media_type, status, {"errors": refused.formatted()})


async def _carry_out(
    request: Request, asked: Envelope, prepared: execution.Prepared
) -> dict[str, Any]:
    state = request.app.state
    request.scope["chittygraph.operation"] = asked.operation_name
    async with Scope(db=state.db, cursor_key=state.cursor_key, settings=state.rules) as scope:
        result = await execution.run(prepared, scope, asked.variables, asked.operation_name)
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = errors.formatted(result.errors, logs.request_id.get())
    return answer


def rules(settings: Settings) -> Rules:
    """The figures that the registry's rules go by."""
    return Rules(
        page_default=settings.page_default,
        page_max=settings.page_max,
        failure_threshold=settings.failure_threshold,
    )


def _wants_page(request: Request) -> bool:
    return (
        request.method in ("GET", "HEAD")
        and request.app.state.settings.graphiql
        and "text/html" in request.headers.get("accept", "")
        and "query" not in request.query_params
    )


def _media_type(accept: str) -> str | None:
    """The best of the media types that the Accept header allows and the server speaks."""
    best, best_quality = None, 0.0
    for part in accept.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        wanted = {RESPONSE_JSON: RESPONSE_JSON, JSON: JSON, "application/*": JSON, "*/*": JSON}
        quality = _quality(parameters)
        if kind in wanted and quality > best_quality:
            best, best_quality = wanted[kind], quality
    return best


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def _refusal(media_type: str, status: int, code: str, message: str) -> Response:
    error = {"message": message, "extensions": {"code": code}}
    return _answer(media_type, status, {"errors": [error]})


def _answer(media_type: str, status: int, body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), status, media_type=f"{media_type}; charset=utf-8")
