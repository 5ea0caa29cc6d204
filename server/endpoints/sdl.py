"""GET /schema.graphql: the schema in GraphQL's schema definition language (SDL)."""

from starlette.requests import Request
from starlette.responses import Response

from schema.built import sdl
from server.http import compression

PATH = "/schema.graphql"


async def schema(request: Request) -> Response:
    return await compression.response(request, sdl().encode(), "text/plain", {})
