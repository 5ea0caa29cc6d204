"""The ASGI application: which endpoint is mounted where, and who may use it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from server import service
from server.endpoints import github_webhooks, graphiql, graphql_http, metrics, sdl
from server.endpoints.access import gated, gated_app, public, self_guarded
from server.endpoints.graphiql import GraphiQL
from server.endpoints.graphql_http import GraphQLHTTP
from server.endpoints.graphql_ws import GraphQLWebSocket
from server.endpoints.health import healthz, readyz
from server.graphql import persisted_documents
from server.http import errors
from server.http.errors import HTTPError
from server.http.middleware import RequestMiddleware
from server.service import Service
from server.settings import Settings
from server.telemetry import worker_exchange
from server.telemetry.counters import Metrics

GRAPHQL = "/graphql"


class App(Starlette):
    """`service` exists from start-up to shutdown; `graphql` is a shortcut past Starlette's routing."""

    service: Service
    graphql: dict[str, ASGIApp]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope["path"] == GRAPHQL:
            scope["app"] = self
            # Starlette's routing took a tenth of a small request's time (W1).
            await self.graphql[scope["type"]](scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings) -> App:
    """The application for these settings; raises InvalidSetting for a bad file of documents.

    Starting it migrates and opens the database; raises BootRefused if that fails.
    """
    documents = service.documents(settings)
    persisted = persisted_documents.load(settings, documents)
    page = GraphiQL() if settings.shows_graphiql else None
    mounts = routes(settings, page)
    paths = [route.path for route in mounts if isinstance(route, Route)]
    counters = Metrics(GRAPHQL, paths, settings.metrics_operations)

    @asynccontextmanager
    async def lifespan(app: App) -> AsyncIterator[None]:
        async with (
            service.open_service(settings, documents, persisted, counters) as app.service,
            worker_exchange.publish(lambda: metrics.worker_metrics(app.service)),
        ):
            yield

    app = App(
        lifespan=lifespan,
        routes=mounts,
        middleware=[Middleware(RequestMiddleware)],
        exception_handlers={HTTPException: _starlette_error, HTTPError: _http_error},
    )
    app.router.redirect_slashes = False  # an unknown path is 404, in JSON like every other error
    app.graphql = {
        "http": RequestMiddleware(graphql(page)),
        "websocket": RequestMiddleware(GraphQLWebSocket()),  # guards itself
    }
    return app


def routes(settings: Settings, page: GraphiQL | None) -> list[BaseRoute]:
    """Every path but /graphql."""
    mounts: list[BaseRoute] = [
        self_guarded(github_webhooks.PATH, github_webhooks.GitHubWebhooks),
        public("/healthz", healthz),
        public("/readyz", readyz),
    ]
    if settings.metrics:
        mounts.append(self_guarded(metrics.PATH, metrics.metrics))
    if settings.shows_schema:
        mounts.append(gated(sdl.PATH, sdl.schema))
    if page is not None:
        mounts.append(public(graphiql.ASSETS, page.asset))
    return mounts


def graphql(page: GraphiQL | None) -> ASGIApp:
    """/graphql over HTTP: OPTIONS and the page for everyone, operations for viewers."""
    operations = gated_app(GraphQLHTTP())

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await graphql_http.options(send)
        elif page is not None and graphql_http.wants_page(scope):
            await page.page(scope, send)
        else:
            await operations(scope, receive, send)

    return respond


async def _starlette_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    # Starlette's own errors have the status's phrase as their detail; only these become lower-case.
    is_phrase = error.detail == HTTPStatus(error.status_code).phrase
    message = error.detail.lower() if is_phrase else error.detail
    body = errors.body(error.status_code, message)
    return JSONResponse(body, error.status_code, headers=error.headers)


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPError):
        raise error
    return JSONResponse(error.body, error.status, headers=error.headers)
