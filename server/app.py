"""The ASGI application: which endpoint is mounted where, and who may use it."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from db.errors import BootRefused, EngineError, Unavailable
from schema.execution.documents import Documents
from server import service
from server.endpoints import (
    discovery,
    github_webhooks,
    graphql_http,
    health,
    landing,
    metrics,
    pages,
    reserved_streams,
    sdl,
)
from server.endpoints.access import (
    closed_to_pages,
    for_pages,
    gated,
    gated_app,
    public,
    self_guarded,
)
from server.endpoints.discovery import Discovery
from server.endpoints.graphql_http import PAGE_METHODS, GraphQLHTTP
from server.endpoints.graphql_ws import GraphQLWebSocket
from server.endpoints.landing import Landing
from server.endpoints.pages import GraphPage, Page, Pages
from server.endpoints.reserved_streams import ReservedStreams
from server.endpoints.statuses import STATUSES
from server.graphql import persisted_documents
from server.graphql.persisted_documents import PersistedDocuments
from server.http import errors
from server.http.admission import Admission
from server.http.cors import CORS
from server.http.errors import HTTPError
from server.http.middleware import RequestMiddleware
from server.service import Service
from server.setting_fields import InvalidSetting, variable
from server.settings import Settings
from server.telemetry import worker_exchange
from server.telemetry.counters import Metrics
from server.telemetry.operation_log import KEY
from server.transport import worker_relay

log = logging.getLogger(__name__)

GRAPHQL = "/graphql"
WITH_SLASH = "/graphql/"  # as some clients write it
GRAPH_WITH_SLASH = f"{pages.GRAPH}/"
START_FAILED = "lifespan.startup.failed"
# They are answered however many other requests wait.
PROBES = (health.ALIVE, health.ECOSYSTEM_ALIVE, health.READY, metrics.PATH)
QUIET = (*PROBES, landing.FAVICON, pages.ASSETS.partition("{")[0])


class App(Starlette):
    """`service` exists from start-up to shutdown; `graphql` is a shortcut past Starlette's routing."""

    admission: Admission
    cors: CORS
    service: Service
    graphql: dict[str, ASGIApp]
    is_refused = False  # since the database cannot be served
    without_service: ASGIApp | None = None  # answers while a replica has no copy yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, partial(self._send_of_life, send))
        elif self.without_service is not None:
            await self.without_service(scope, receive, send)
        elif scope["path"] in (GRAPHQL, WITH_SLASH):
            scope["app"], scope["path"] = self, GRAPHQL
            # Starlette's routing took a tenth of a small request's time (W1).
            await self.graphql[scope["type"]](scope, receive, send)
        else:
            if scope["path"] == GRAPH_WITH_SLASH:
                scope["path"] = pages.GRAPH
            await super().__call__(scope, receive, send)

    async def _send_of_life(self, send: Send, message: Message) -> None:
        if message["type"] == START_FAILED and self.is_refused:
            message = {"type": START_FAILED}  # the log has the reason, not Starlette's traceback
        await send(message)

    def end_streams(self) -> None:
        """Have all event streams end, whose clients come back later."""
        if self.without_service is None:
            self.service.subscriptions.end_all()

    async def reload(self) -> None:
        """Read again, on SIGHUP, what was read at start: persisted documents and the keys of tokens."""
        if self.without_service is None:
            await self.service.reload()


def create_app(settings: Settings) -> App:
    """The application for these settings; raises InvalidSetting for a bad file of documents.

    Starting it migrates and opens the database; raises BootRefused if that fails.
    """
    documents = service.documents(settings)
    persisted = persisted_documents.load(settings, documents)
    built = Pages() if settings.shows_graphiql else None
    streams = ReservedStreams(STATUSES[settings.http_status])
    mounts = [*routes(settings, built), for_pages(reserved_streams.PATH, streams)]
    _check_root_path(settings.root_path, mounts)
    paths = [route.path for route in mounts if isinstance(route, Route)]
    counters = Metrics(GRAPHQL, paths, settings.metrics_operations)
    cors = CORS(
        settings.allowed_origin_list,
        is_open=settings.auth == "open",
        closed=closed_to_pages(mounts),
    )
    admission = Admission(settings.wait_seconds, settings.readers, PROBES, counters)

    app = App(
        lifespan=_lifespan(settings, (documents, persisted, counters, admission), streams),
        routes=mounts,
        middleware=[Middleware(RequestMiddleware, cors=cors, quiet=QUIET)],
        exception_handlers={
            HTTPException: _starlette_errors(settings.root_path + GRAPHQL, built),
            HTTPError: _http_error,
        },
    )
    app.router.redirect_slashes = False  # an unknown path is 404, in JSON like every other error
    app.admission, app.cors = admission, cors
    app.graphql = {
        "http": RequestMiddleware(graphql(settings, built.graphiql if built else None), cors),
        "websocket": RequestMiddleware(GraphQLWebSocket(cors), cors),  # guards itself
    }
    return app


def _lifespan(
    settings: Settings,
    parts: tuple[Documents, PersistedDocuments, Metrics, Admission],
    streams: ReservedStreams,
) -> Callable[[App], AbstractAsyncContextManager[None]]:
    """What opens the service of a worker, or of a replica's worker, and closes it."""

    @asynccontextmanager
    async def opened(
        app: App, service_: AbstractAsyncContextManager[Service]
    ) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.service = await stack.enter_async_context(service_)
            await stack.enter_async_context(
                worker_exchange.publish(lambda: metrics.worker_metrics(app.service))
            )
            await stack.enter_async_context(worker_relay.answering(streams.answer, {"app": app}))
            stack.push_async_callback(streams.finish, settings.stop_seconds)
            yield

    def of(app: App) -> AbstractAsyncContextManager[None]:
        if not settings.replica_of:
            return opened(app, service.open_service(settings, *parts))
        from server.replica import starting

        return starting.serving(
            settings,
            app,
            lambda db: opened(app, service.open_replica_service(settings, db, *parts)),
        )

    @asynccontextmanager
    async def lifespan(app: App) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(of(app))
            except (BootRefused, EngineError, Unavailable, OSError) as error:
                log.error("worker cannot start", extra={"reason": str(error)})
                app.is_refused = True
                raise
            yield

    return lifespan


def routes(settings: Settings, built: Pages | None) -> list[BaseRoute]:
    """Every path but /graphql."""
    mounts: list[BaseRoute] = [
        public(landing.ROOT, Landing(settings.root_path, GRAPHQL).redirect),
        public(landing.FAVICON, landing.favicon),
        self_guarded(github_webhooks.PATH, github_webhooks.GitHubWebhooks),
        self_guarded(github_webhooks.ECOSYSTEM_PATH, github_webhooks.GitHubWebhooks),
        public(discovery.PATH, Discovery(settings, GRAPHQL).document),
        public(health.ALIVE, health.healthz),
        public(health.ECOSYSTEM_ALIVE, health.healthz),
        public(health.READY, health.readyz),
    ]
    if settings.metrics:
        mounts.append(self_guarded(metrics.PATH, metrics.metrics))
    if settings.shows_schema:
        mounts.append(gated(sdl.PATH, sdl.schema))
    if built is not None:
        mounts.append(public(pages.GRAPH, GraphPage(built.graph)))
        mounts.append(public(pages.ASSETS, built.asset))
    return mounts


def _check_root_path(root_path: str, mounts: Iterable[BaseRoute]) -> None:
    """Raise InvalidSetting for one that cannot be told from a path of this server."""
    first = root_path.split("/")[1:2]
    paths = [GRAPHQL, *(route.path for route in mounts if isinstance(route, Route))]
    if first and any(path.split("/")[1] == first[0] for path in paths):
        raise InvalidSetting(
            f"{variable('root_path')} is {root_path}: choose another, as /{first[0]} is a path of this server"
        )


def graphql(settings: Settings, page: Page | None) -> ASGIApp:
    """/graphql over HTTP: OPTIONS for everyone, the page under a trusted Host, operations for viewers."""
    endpoint = GraphQLHTTP(STATUSES[settings.http_status])
    operations = gated_app(endpoint)

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await graphql_http.options(send)
        elif scope["method"] in PAGE_METHODS and graphql_http.wants_page(
            scope, is_served=page is not None
        ):
            service: Service = scope["app"].service
            try:
                # In open mode, that checks Host. A page, which has no data, needs no credential.
                if page is None or service.operations.gate is None:
                    await service.operations.viewer(scope, scope[KEY], scope["headers"])
                if page is None:
                    raise HTTPError(406, "there is no page here: ask for JSON")
            except HTTPError as error:
                if page is None:
                    await pages.notice(error, pages.NO_EDITOR)(scope, receive, send)
                else:
                    await endpoint.refuse(scope, send, error)
            else:
                await page.respond(scope, send)
        else:
            await operations(scope, receive, send)

    return respond


def _starlette_errors(
    graphql: str, built: Pages | None
) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Answers errors in JSON; those that Starlette raises itself name the path of GraphQL.

    Where the pages are switched off, a browser at the graph's is told so.
    """

    async def answer(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        message = error.detail
        if message == HTTPStatus(error.status_code).phrase:  # Starlette's own
            what = "nothing" if error.status_code == 404 else f"no {request.method}"
            message = f"there is {what} at this path: the API is at {graphql}"
            if built is None and _wants_graph(request):
                return pages.notice(HTTPError(error.status_code, message), pages.NO_GRAPH)
        body = errors.body(error.status_code, message)
        return JSONResponse(
            body, error.status_code, headers={"vary": "origin", **(error.headers or {})}
        )

    return answer


def _wants_graph(request: Request) -> bool:
    return (
        request.scope["path"] == pages.GRAPH
        and request.method in PAGE_METHODS
        and graphql_http.wants_page(request.scope, is_served=False)
    )


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPError):
        raise error
    return JSONResponse(error.body, error.status, headers=error.headers)
