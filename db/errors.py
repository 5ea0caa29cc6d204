"""Everything that can go wrong, and who sees it.

* Refused         the caller can mend it: returned as data in a mutation's `errors`
* BadRequest      a question that cannot be answered as asked: a GraphQL error with a stable code
* Unavailable     nothing is wrong with the request, it cannot be served now
  x ReadTimeout   a read ran past its time
* Unreadable      a stored value that its column cannot mean: an error at the field's path
* EngineError     the database engine failed at a statement: a fault, whose message is about the engine
* BootRefused     the database cannot be served: ends `serve` and the commands with a message
* anything else   a fault: logged with its traceback, masked for the caller
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class ErrorCode(Enum):
    """What kind of refusal it is; the same few for every mutation."""

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
    """One reason for a refusal.

    `path` names the input field in Python's spelling, as ("owner",) or ("permissions", "0", "name");
    `message` is lower-case, says what to do, and never repeats a secret.
    """

    code: ErrorCode
    path: tuple[str, ...]
    message: str


class Refused(Exception):
    """Raised when a mutation's input or the registry's state forbids it; nothing was written."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


class BadRequest(Exception):
    """Raised when an argument of a query is out of range or damaged; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unavailable(Exception):
    """Raised when the database cannot take or answer the request now; the message says why."""


class ReadTimeout(Unavailable):
    """Raised when a request spent more time reading than it may."""


class Unreadable(Exception):
    """Raised when a stored value cannot be expressed as its column's type."""


class EngineError(Exception):
    """Raised when the database engine fails at a statement; the cause is the engine's own error."""


class BootRefused(Exception):
    """Raised when a database cannot be opened or migrated; the message names it and the way out."""
