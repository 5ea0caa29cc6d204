"""All errors, and who sees them.

* Refused         the caller can fix it: data in a mutation's `errors`
* BadRequest      a query that has no answer: a GraphQL error with a stable code
* Unavailable     the request is fine, but the server cannot answer it now
  x ReadTimeout   a read took too long
* Unreadable      a stored value that its column's type cannot express: an error at the field's path
* EngineError     a statement failed: a fault, whose message is about the engine
* BootRefused     `serve` and the commands cannot use the database: they end with the message
* anything else   a fault: logged with its traceback, masked for the caller
"""

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
    """Raised if a mutation's input or the registry's state forbids it; nothing was written."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


class BadRequest(Exception):
    """Raised if an argument of a query is out of range or damaged; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unavailable(Exception):
    """Raised if the database cannot serve a request now; the message says why."""


class ReadTimeout(Unavailable):
    """Raised if a request spends more time reading than allowed."""


class Unreadable(Exception):
    """Raised if a stored value cannot be expressed as its column's type."""


class EngineError(Exception):
    """Raised when the database engine fails at a statement; the cause is the engine's own error."""


class BootRefused(Exception):
    """Raised if a database cannot be opened or migrated; the message names it and what to do."""
