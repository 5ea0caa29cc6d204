"""Who may use an endpoint: each is mounted as public, as gated, or as self-guarded.

In protected mode, gated endpoints need a credential: only these wrappers give them their viewer.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from resolvers.permissions import Viewer
from server.http.errors import HTTPError
from server.service import Service
from server.telemetry.operation_log import KEY


class GatedApp(Protocol):
    """An ASGI application for viewers, which also writes the refusal of everyone else."""

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, viewer: Viewer
    ) -> None: ...

    async def refuse(self, scope: Scope, send: Send, error: HTTPError) -> None: ...


class SelfGuarded(Route):
    """A route whose endpoint has a rule of its own for who may use it."""


def public(path: str, endpoint: Any) -> Route:
    return Route(path, endpoint)


def self_guarded(path: str, endpoint: Any) -> Route:
    return SelfGuarded(path, endpoint)


def for_pages(path: str, endpoint: ASGIApp) -> Route:
    """The endpoint asks for credentials itself, and pages of allowed origins may use it, as /graphql does."""
    return Route(path, endpoint)


def closed_to_pages(routes: Iterable[BaseRoute]) -> frozenset[str]:
    """The paths that no page of another origin may read, whichever are allowed.

    Their rules are for programs, and one may be where the client is: on this machine, as browsers may be.
    """
    return frozenset(route.path for route in routes if isinstance(route, SelfGuarded))


def gated(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """The endpoint needs what /graphql needs: a credential in protected mode, a trusted Host in open mode.

    Raises HTTPError for the exception handler.
    """

    async def admit(request: Request) -> Response:
        service: Service = request.app.service
        scope = request.scope
        await service.operations.viewer(scope, scope[KEY], scope["headers"])
        return await endpoint(request)

    return Route(path, admit)


def gated_app(endpoint: GatedApp) -> ASGIApp:
    async def admit(scope: Scope, receive: Receive, send: Send) -> None:
        service: Service = scope["app"].service
        try:
            viewer = await service.operations.viewer(scope, scope[KEY], scope["headers"])
        except HTTPError as error:
            await endpoint.refuse(scope, send, error)
        else:
            await endpoint(scope, receive, send, viewer)

    return admit
