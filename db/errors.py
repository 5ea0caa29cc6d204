"""All errors. Any other exception is a fault: logged with its traceback, masked for the caller."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class ErrorCode(Enum):
    INVALID = "INVALID"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    CONFLICT = "CONFLICT"
    IN_USE = "IN_USE"
    FORBIDDEN = "FORBIDDEN"
    LIMIT = "LIMIT"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of a mutation; `message` is in lower case, says what to do, and never repeats a secret."""

    code: ErrorCode
    path: tuple[str, ...]  # the input field: ("owner",) or ("permissions", "0", "name")
    message: str


class Refused(Exception):
    """The caller can fix it: data in a mutation's `errors`. Nothing was written."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


class BadRequest(Exception):
    """An argument of a query is out of range or damaged: a GraphQL error with a stable `code`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class EngineLimit(BadRequest):
    """The engine cannot run so large or deep a statement, or hold such a value; the message names it."""

    def __init__(self, message: str) -> None:
        super().__init__("ENGINE_LIMIT", message)


class IdempotencyKeyReused(Exception):
    """Another request came under this Idempotency-Key before: nothing of this one was carried out."""

    def __init__(self) -> None:
        super().__init__(
            "another request came with this Idempotency-Key before, or what it was answered has been erased:"
            " send a new key with each new request, and the same request with the same key"
        )


class Unavailable(Exception):
    """The database cannot serve the request now; the message says why."""


class Overloaded(Unavailable):
    """Too many others want the database, so that trying again later may succeed."""


class OutcomeUnknown(Unavailable):
    """A write may have been applied, or may be yet: its answer was lost. Sent again it is applied once."""


class PartlyApplied(OutcomeUnknown):
    """An engine has stored a part of a batch, which must not be sent again."""


class CredentialsRefused(Unavailable):
    """An engine over HTTP takes neither the password nor the token of its URL: to wait does not help."""


class Locked(Unavailable):
    """Another program holds the database for longer than a request may wait."""


class ReadOnly(Unavailable):
    """A replica was to write what only its primary writes."""


class TooOld(Unavailable):
    """A replica cannot prove that what it holds is as new as it must be; its message may be told anybody."""


class Damaged(Unavailable):
    """The database has met a damaged part of its file, which somebody has to restore."""


class ReadTimeout(Unavailable):
    """The request took more time for reading than it may."""


class Unreadable(Exception):
    """A stored value that its column's type cannot express: an error at the field's path."""


class NeedsThread(Exception):
    """The event loop has given a read up, which another thread has to begin anew."""


class EngineError(Exception):
    """The engine failed at a statement: a fault, whose cause is the engine's own error."""


class BootRefused(Exception):
    """A database cannot be opened or migrated: ends `serve` or a command with this message."""
