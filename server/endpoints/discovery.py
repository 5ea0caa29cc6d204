"""GET /.well-known/chitty.json: what this service is and where its endpoints are, for ChittyOS."""

from functools import cache
from importlib.metadata import version

import orjson
from starlette.requests import Request
from starlette.responses import Response

from server.endpoints import github_webhooks, health, metrics, sdl
from server.http import etags
from server.http.compression import IDENTITY, IDENTITY_ONLY
from server.http.headers import by_name
from server.settings import Settings

PATH = "/.well-known/chitty.json"
NAME = "chittygraph"
MEDIA_TYPE = "application/json"
# It is the same for everybody, so shared caches may keep it.
CACHING = "public, max-age=300"


class Discovery:
    """The document of a service whose GraphQL endpoint is at `graphql`; it tells nothing that is stored."""

    def __init__(self, settings: Settings, graphql: str) -> None:
        document = {
            "name": NAME,
            "version": _version(),
            "endpoints": _endpoints(settings, graphql),
        }
        self._body = orjson.dumps(document, option=orjson.OPT_INDENT_2)

    async def document(self, request: Request) -> Response:
        tag = etags.tag_of(self._body, MEDIA_TYPE)
        known = etags.matching_header(by_name(request.scope["headers"]), tag, IDENTITY_ONLY)
        _, shown = known or etags.header(tag, IDENTITY)
        headers = {"cache-control": CACHING, "etag": shown.decode(), "vary": "origin"}
        if known is not None:
            return Response(status_code=304, headers=headers)
        return Response(self._body, media_type=MEDIA_TYPE, headers=headers)


@cache
def _version() -> str:
    return version(NAME)


def _endpoints(settings: Settings, graphql: str) -> dict[str, str]:
    # Paths, which clients resolve against this document's URL: a Host header may be anybody's.
    paths = {
        "graphql": graphql,
        **({"schema": sdl.PATH} if settings.shows_schema else {}),
        "github_webhook": github_webhooks.ECOSYSTEM_PATH,
        "health": health.ECOSYSTEM_ALIVE,
        "ready": health.READY,
        **({"metrics": metrics.PATH} if settings.metrics else {}),
    }
    return {name: settings.root_path + path for name, path in paths.items()}
