"""GET /schema.graphql: the schema in GraphQL's schema definition language (SDL).

With `?nullability=semantic`, fields that are null only on error have @semanticNonNull.
"""

from starlette.requests import Request
from starlette.responses import Response

from schema import built, semantic_nullability
from schema.semantic_nullability import SEMANTIC
from server.http import compression
from server.http.errors import HTTPError

PATH = "/schema.graphql"
NULLABILITY = "nullability"


async def schema(request: Request) -> Response:
    return await compression.response(request, _sdl(request).encode(), "text/plain", {})


def _sdl(request: Request) -> str:
    match request.query_params.getlist(NULLABILITY):
        case []:
            return built.sdl()
        case [value] if value == SEMANTIC:
            return semantic_nullability.sdl()
        case [_]:
            raise HTTPError(400, f"{NULLABILITY} must be {SEMANTIC}, or be left out")
        case values:
            raise HTTPError(
                400, f"the parameter '{NULLABILITY}' comes {len(values)} times: send it once"
            )
