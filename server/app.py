"""The whole service as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import ClassVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from db.database import Database
from db.open_database import open_database
from db.queries import cursors
from resolvers.minting import Mint
from resolvers.policy import Policy
from schema.built import sdl
from schema.execution.documents import Documents
from schema.execution.executor import Roads
from server.auth import setup
from server.auth.gate import Gate
from server.endpoints import github_webhooks, graphql_http, metrics
from server.endpoints.graphiql import Page
from server.endpoints.graphql_ws import GraphQLWS
from server.endpoints.health import healthz, readyz
from server.graphql import operation, persisted_documents
from server.graphql.persisted_documents import Trusted
from server.http import compression, errors
from server.http.client_address import TrustedProxies
from server.http.errors import HTTPError
from server.http.middleware import RequestMiddleware
from server.identity import minting
from server.settings import Settings
from server.telemetry import otel, worker_exchange
from server.telemetry.counters import Metrics
from server.telemetry.otel import Tracer

GRAPHQL = "/graphql"


def create_app(settings: Settings) -> "Service":
    """The service of these settings; tests build it the way `chittygraph serve` does.

    Starting it migrates the database (BootRefused when it cannot be) and opens it; stopping it
    writes what waits and closes it.
    """

    @asynccontextmanager
    async def lifespan(app: "Service") -> AsyncIterator[None]:
        db = await open_database(
            settings.database,
            readers=settings.readers,
            read_seconds=settings.read_seconds,
            min_free_bytes=settings.min_free_mb * 2**20,
        )
        try:
            app.db = db
            known = await db.read(cursors.stored_key())
            app.cursor_key = await db.write(cursors.key()) if known is None else known
            async with (
                otel.open_tracer(settings) as app.tracer,
                worker_exchange.publish(lambda: metrics.of_this_worker(app)),
                minting.minter(settings) as mint,
                minting.catching_up(db, mint),
                setup.open_gate(settings, db) as app.gate,
            ):
                app.mint = mint
                yield
        finally:
            await db.close()

    page = Page() if settings.shows_graphiql else None
    app = Service(
        lifespan=lifespan,
        routes=[*routes(settings), *(page.routes() if page else ())],
        middleware=[Middleware(RequestMiddleware)],
        exception_handlers={HTTPException: _as_json, HTTPError: _http_error},
    )
    app.router.redirect_slashes = False  # an unknown path is 404, in JSON like every other answer
    app.settings = settings
    app.page = page
    app.policy = graphql_http.policy(settings)
    app.documents = Documents(
        introspection=settings.shows_schema,
        limits=graphql_http.limits(settings),
        policy=app.policy,
    )
    app.proxies = TrustedProxies(settings.trusted_proxy_list)
    app.trusted = persisted_documents.load(settings, app.documents)
    app.roads = Roads(compile_operations=settings.compiled)
    paths = [route.path for route in app.router.routes if isinstance(route, Route)]
    app.metrics = Metrics(GRAPHQL, paths, settings.metrics_operations)
    return app


class Service(Starlette):
    """The application, with a straight way to the one path that nearly all requests take.

    What each request needs is a plain attribute: `app.state` is ten times slower.
    """

    settings: Settings
    policy: Policy
    documents: Documents
    trusted: Trusted
    roads: Roads
    page: Page | None
    metrics: Metrics
    proxies: TrustedProxies
    # Of a running service:
    db: Database
    cursor_key: bytes
    mint: Mint
    tracer: Tracer | None = None
    gate: Gate | None = None
    _graphql: ClassVar = {
        "http": RequestMiddleware(graphql_http.GraphQL()),
        "websocket": RequestMiddleware(GraphQLWS()),
    }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "lifespan" and scope["path"] == GRAPHQL:
            scope["app"] = self
            # Routing it took a tenth of a small request's time (W1).
            await self._graphql[scope["type"]](scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def routes(settings: Settings) -> list[BaseRoute]:
    """Every other path that is served."""
    found: list[BaseRoute] = [
        *github_webhooks.routes(),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
    ]
    if settings.metrics:
        found.append(Route(metrics.PATH, metrics.metrics))
    if settings.shows_schema:
        found.append(Route("/schema.graphql", _schema))
    return found


async def _schema(request: Request) -> Response:
    """The schema, for whoever may ask /graphql for it."""
    gate: Gate | None = request.app.gate
    if gate is not None:
        await gate.authenticate(request.scope["headers"], operation.address_of(request.scope))
    return await compression.response(request, sdl().encode(), "text/plain", {})


async def _as_json(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    # Starlette says the status's own words where it refuses, in capitals; what is said here stays.
    is_phrase = error.detail == HTTPStatus(error.status_code).phrase
    message = error.detail.lower() if is_phrase else error.detail
    body = errors.body(error.status_code, message)
    return JSONResponse(body, error.status_code, headers=error.headers)


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPError):
        raise error
    return JSONResponse(error.body, error.status, headers=error.headers)
