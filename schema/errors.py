"""Errors as clients see them: a message and a stable code, without internals.

Errors that clients can act on are shown. Any other exception becomes "internal error" with the request's id,
under which the log has its traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from graphql import FieldNode, GraphQLError
from graphql.validation.validate import ValidationAbortedError

from db.errors import BadRequest, ReadTimeout, Refused, Unavailable, Unreadable
from resolvers.validation import secrets
from schema.limits.limits import Excess

MAX_MESSAGE_LENGTH = 1_000
MAX_ERRORS = 20
MAX_FIELD_ERRORS = 100
EXPECTED = (GraphQLError, BadRequest, Unavailable, Unreadable, Refused)
MORE_ERRORS = "there are more errors: correct these first"

log = logging.getLogger(__name__)


class RequestRefused(Exception):
    """Raised when an operation is refused before any of it runs."""

    def __init__(self, code: str, errors: Sequence[GraphQLError]) -> None:
        super().__init__(code)
        self.code = code
        self.errors = tuple(errors)

    @classmethod
    def because(cls, code: str, message: str, **extensions: object) -> RequestRefused:
        return cls(code, [GraphQLError(message, extensions=extensions)])

    @classmethod
    def over_limit(cls, excess: Excess) -> RequestRefused:
        code = "TOO_COSTLY" if excess.name == "cost" else "TOO_LARGE"
        details = {"limit": excess.name, "measured": excess.measured, "allowed": excess.allowed}
        return cls(code, [GraphQLError(str(excess), extensions=details)])

    def formatted(self) -> list[dict[str, Any]]:
        return [_with_code(error, self.code) for error in self.errors]


def first_errors(errors: Sequence[GraphQLError]) -> list[GraphQLError]:
    """The errors of a request; if graphql-core has stopped before the end, the last one says so."""
    *found, last = errors
    stopped = len(errors) == MAX_ERRORS or isinstance(last, ValidationAbortedError)
    return [*found, GraphQLError(MORE_ERRORS) if stopped else last]


def format_errors(errors: Sequence[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """The response's `errors` for an operation that ran; logs and masks unexpected ones.

    Of more than MAX_FIELD_ERRORS, unexpected ones come first, and the last one says how many are left out.
    """
    if len(errors) <= MAX_FIELD_ERRORS:
        return [_format_error(error, request_id) for error in errors]
    kept = sorted(errors, key=_is_expected)[: MAX_FIELD_ERRORS - 1]
    more = GraphQLError(f"there are {len(errors) - len(kept)} more errors")
    return [*[_format_error(error, request_id) for error in kept], _with_code(more, "MORE_ERRORS")]


def _is_expected(error: GraphQLError) -> bool:
    cause = error.original_error
    return cause is None or isinstance(cause, EXPECTED)


def _format_error(error: GraphQLError, request_id: str) -> dict[str, Any]:
    cause = error.original_error
    match cause:
        case None | GraphQLError():
            return _with_code(error, "FIELD_FAILED" if _is_of_field(error) else "BAD_VALUE")
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


def _is_of_field(error: GraphQLError) -> bool:
    """Whether it is about the value of a field, not about one of its arguments."""
    node = error.nodes[0] if error.nodes else None
    return error.path is not None and isinstance(node, FieldNode)


def _field(error: GraphQLError) -> str:
    node = error.nodes[0] if error.nodes else None
    return node.name.value if isinstance(node, FieldNode) else ""
