"""Who may use an endpoint: each is mounted as public, as gated, or as one that guards itself.

In protected mode a gated endpoint is reached with a credential only: its function needs the viewer, whom
nobody but these wrappers passes on.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from resolvers.permissions import Viewer
from server.http.errors import HTTPError
from server.service import Service
from server.telemetry.operation_log import KEY


class GatedApp(Protocol):
    """An ASGI application for viewers, which also writes the refusal of everyone else."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send, viewer: Viewer) -> None:
        """Answer a viewer's request."""
        ...

    async def refuse(self, scope: Scope, send: Send, error: HTTPError) -> None:
        """Answer a request that may not pass."""
        ...


def public(path: str, endpoint: Any) -> Route:
    """Mount an endpoint that answers everyone."""
    return Route(path, endpoint)


def self_guarded(path: str, endpoint: Any) -> Route:
    """Mount an endpoint with a rule of its own for who may use it."""
    return Route(path, endpoint)


def gated(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """Mount an endpoint that needs a credential in protected mode; HTTPError is for the exception handler."""

    async def admit(request: Request) -> Response:
        operations = request.app.service.operations
        if operations.gate is not None:
            address = operations.client_address(request.scope)
            await operations.gate.authenticate(request.scope["headers"], address)
        return await endpoint(request)

    return Route(path, admit)


def gated_app(endpoint: GatedApp) -> ASGIApp:
    """Wrap an ASGI application that needs a credential in protected mode."""

    async def admit(scope: Scope, receive: Receive, send: Send) -> None:
        service: Service = scope["app"].service
        try:
            viewer = await service.operations.viewer(scope, scope[KEY], scope["headers"])
        except HTTPError as error:
            await endpoint.refuse(scope, send, error)
        else:
            await endpoint(scope, receive, send, viewer)

    return admit
