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

from db import cursors
from db.database import Database
from db.opening import open_migrated
from resolvers.figures import Rules
from resolvers.minting import Mint
from schema.execution import Documents
from schema.roads import Roads
from schema.served import sdl
from server import (
    compression,
    graphql,
    minting,
    operations,
    refusals,
    scraping,
    siblings,
    spans,
    trusted,
    webhooks,
)
from server.access import gates
from server.access.gate import Barred, Gate
from server.access.proxies import Proxies
from server.graphql_ws import GraphQLWS
from server.health import healthz, readyz
from server.metrics import Metrics
from server.page import Page
from server.requests import Requests
from server.settings import Settings
from server.spans import Spans
from server.trusted import Trusted

GRAPHQL = "/graphql"


def create_app(settings: Settings) -> "Service":
    """The service of these settings; tests build it the way `chittygraph serve` does.

    Starting it migrates the database (BootRefused when it cannot be) and opens it; stopping it
    writes what waits and closes it.
    """

    @asynccontextmanager
    async def lifespan(app: "Service") -> AsyncIterator[None]:
        db = await open_migrated(
            settings.database_path,
            readers=settings.readers,
            read_seconds=settings.read_seconds,
            min_free_bytes=settings.min_free_mb * 2**20,
        )
        try:
            app.db = db
            known = await db.read(cursors.stored_key())
            app.cursor_key = await db.write(cursors.key()) if known is None else known
            async with (
                spans.exporting(settings) as app.spans,
                siblings.telling(lambda: scraping.for_siblings(app)),
                minting.minter(settings) as mint,
                minting.catching_up(db, mint),
                gates.gate(settings, db) as app.gate,
            ):
                app.mint = mint
                yield
        finally:
            await db.close()

    page = Page() if settings.shows_graphiql else None
    app = Service(
        lifespan=lifespan,
        routes=[*routes(settings), *(page.routes() if page else ())],
        middleware=[Middleware(Requests)],
        exception_handlers={HTTPException: _as_json, Barred: _barred},
    )
    app.router.redirect_slashes = False  # an unknown path is 404, in JSON like every other answer
    app.settings = settings
    app.page = page
    app.rules = graphql.rules(settings)
    app.documents = Documents(
        introspection=settings.shows_schema,
        limits=graphql.limits(settings),
        rules=app.rules,
    )
    app.proxies = Proxies(settings.trusted_proxy_list)
    app.trusted = trusted.load(settings, app.documents)
    app.roads = Roads(compile_operations=settings.compiled)
    paths = [route.path for route in app.router.routes if isinstance(route, Route)]
    app.metrics = Metrics(GRAPHQL, paths, settings.metrics_operations)
    return app


class Service(Starlette):
    """The application, with a straight way to the one path that nearly all requests take.

    What each request needs is a plain attribute: `app.state` is ten times slower.
    """

    settings: Settings
    rules: Rules
    documents: Documents
    trusted: Trusted
    roads: Roads
    page: Page | None
    metrics: Metrics
    proxies: Proxies
    # Of a running service:
    db: Database
    cursor_key: bytes
    mint: Mint
    spans: Spans | None = None
    gate: Gate | None = None
    _graphql: ClassVar = {"http": Requests(graphql.GraphQL()), "websocket": Requests(GraphQLWS())}

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
        *webhooks.routes(),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
    ]
    if settings.metrics:
        found.append(Route(scraping.PATH, scraping.metrics))
    if settings.shows_schema:
        found.append(Route("/schema.graphql", _schema))
    return found


async def _schema(request: Request) -> Response:
    """The schema, for whoever may ask /graphql for it."""
    gate: Gate | None = request.app.gate
    if gate is not None:
        await gate.viewer(request.scope["headers"], operations.address_of(request.scope))
    return await compression.response(request, sdl().encode(), "text/plain", {})


async def _as_json(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    # Starlette says the status's own words where it refuses, in capitals; what is said here stays.
    is_phrase = error.detail == HTTPStatus(error.status_code).phrase
    message = error.detail.lower() if is_phrase else error.detail
    body = refusals.body(error.status_code, message)
    return JSONResponse(body, error.status_code, headers=error.headers)


async def _barred(request: Request, barred: Exception) -> Response:
    if not isinstance(barred, Barred):
        raise barred
    return JSONResponse(barred.body, barred.status, headers=barred.headers)
