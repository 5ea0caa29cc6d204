"""Errors as clients see them: a message and a stable code, without internals.

Errors that clients can act on are shown. Any other exception becomes "internal error" with the request's id,
under which the log has its traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from graphql import FieldNode, GraphQLError

from db.errors import BadRequest, ReadTimeout, Refused, Unavailable, Unreadable
from resolvers.validation import secrets
from schema.limits.limits import Excess

MAX_MESSAGE_LENGTH = 1_000

log = logging.getLogger(__name__)


class RequestRefused(Exception):
    """Raised when an operation is refused before any of it runs."""

    def __init__(self, code: str, errors: Sequence[GraphQLError]) -> None:
        super().__init__(code)
        self.code = code
        self.errors = tuple(errors)

    @classmethod
    def because(cls, code: str, message: str) -> RequestRefused:
        return cls(code, [GraphQLError(message)])

    @classmethod
    def over_limit(cls, excess: Excess) -> RequestRefused:
        code = "TOO_COSTLY" if excess.name == "cost" else "TOO_LARGE"
        details = {"limit": excess.name, "measured": excess.measured, "allowed": excess.allowed}
        return cls(code, [GraphQLError(str(excess), extensions=details)])

    def formatted(self) -> list[dict[str, Any]]:
        return [_with_code(error, self.code) for error in self.errors]


def format_errors(errors: Sequence[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """The response's `errors` for an operation that ran; logs and masks unexpected ones."""
    return [_format_error(error, request_id) for error in errors]


def _format_error(error: GraphQLError, request_id: str) -> dict[str, Any]:
    cause = error.original_error
    match cause:
        case None | GraphQLError():
            return _with_code(error, "BAD_VALUE" if error.path is None else "FIELD_FAILED")
        case BadRequest():
            return _with_code(error, cause.code)
        case ReadTimeout():
            return _with_code(error, "TIMEOUT")
        case Unavailable():
            return _with_code(error, "UNAVAILABLE")
        case Unreadable():
            return _with_code(error, "UNREADABLE")
        case Refused():
            return _with_code(error, "REFUSED")
    # Not error.path: it may contain aliases, which are the client's text.
    log.error("resolver failed", exc_info=cause, extra={"field": _field(error)})
    masked = _with_code(error, "INTERNAL")
    masked["message"] = "internal error"
    masked["extensions"]["requestId"] = request_id
    return masked


def _with_code(error: GraphQLError, code: str) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    formatted["message"] = secrets.redact(error.message[:MAX_MESSAGE_LENGTH])
    formatted["extensions"] = {"code": code, **(error.extensions or {})}
    return formatted


def _field(error: GraphQLError) -> str:
    node = error.nodes[0] if error.nodes else None
    return node.name.value if isinstance(node, FieldNode) else ""
