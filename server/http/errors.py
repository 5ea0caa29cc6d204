"""HTTP error responses: a status, and a body in the form of GraphQL errors with a stable code."""

from collections.abc import Mapping
from typing import Any

CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    408: "TIMEOUT",
    409: "CONFLICT",
    413: "TOO_LARGE",
    414: "TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    421: "MISDIRECTED",
    422: "IDEMPOTENCY_KEY_REUSED",
    429: "TOO_MANY_REQUESTS",
    431: "TOO_LARGE",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def body(status: int, message: str, **extensions: object) -> dict[str, Any]:
    """The JSON body of an error response; `extensions` appear beside its code, or have a more exact one."""
    return {"errors": [{"message": message, "extensions": {"code": CODES[status], **extensions}}]}


class HTTPError(Exception):
    """Raised to answer a request with an error status; `headers` and `body` belong to that response."""

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        **extensions: object,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body = body(status, message, **extensions)
