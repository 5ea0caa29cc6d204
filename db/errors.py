"""All errors, and who gets to see them.

* Refused         the caller can fix it: data in a mutation's `errors`
* BadRequest      a query that cannot be answered: a GraphQL error with a stable code
* Unavailable     nothing is wrong with the request, but it cannot be served now
  x ReadTimeout   a read took too long
* Unreadable      a stored value that its column's type cannot express: an error at the field's path
* EngineError     the database engine failed at a statement: a fault, whose message is about the engine
* BootRefused     the database cannot be served: ends `serve` and the commands with a message
* anything else   a fault: logged with its traceback, masked for the caller
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class ErrorCode(Enum):
    """The kinds of errors, the same for all mutations."""

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
    """One error of a mutation.

    `path` names the input field in snake case: ("owner",) or ("permissions", "0", "name"). `message` is in
    lower case, says what to do, and never repeats a secret.
    """

    code: ErrorCode
    path: tuple[str, ...]
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
