"""How a request that is not carried out is answered: a status, and GraphQL's errors with a stable code."""

from typing import Any

CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    408: "TIMEOUT",
    413: "TOO_LARGE",
    414: "TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    421: "MISDIRECTED",
    429: "TOO_MANY_REQUESTS",
    431: "TOO_LARGE",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def body(status: int, message: str, **extensions: object) -> dict[str, Any]:
    """The JSON body of a refusal with this HTTP status, of CODES; `extensions` join its code."""
    return {"errors": [{"message": message, "extensions": {"code": CODES[status], **extensions}}]}
