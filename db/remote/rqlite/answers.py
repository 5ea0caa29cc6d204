"""What a node has answered: rows, an error of a statement, or that it did not take the request.

Errors come with status 200 too, so each result of each statement is looked at.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from db.errors import (
    CredentialsRefused,
    EngineError,
    EngineLimit,
    OutcomeUnknown,
    PartlyApplied,
    ReadTimeout,
)
from db.program import Rows
from db.remote.http_client import Answer

TOO_LARGE = (
    "parser stack overflow",
    "Expression tree is too large",
    "too many SQL variables",
    "string or blob too big",
    "too many terms in",
    "tables in a join",
    "statement too long",
    "request body too large",
)
# Said before anything has been given to Raft.
NEVER_STORED = (
    "leader not found",
    "not leader",
    "node is not the leader",
    "leadership transfer in progress",
    "timed out enqueuing operation",
    "store not open",
    "not ready",
)
OUT_OF_TIME = (
    "transaction has already been committed or rolled back",
    "context deadline",
    "interrupted",
)
NO_RIGHTS = "rqlite refuses the user or the password of the database's address"
NO_WRITE = "attempt to change database via query operation"


class NotTaken(Exception):
    """The node has not carried the request out; another one may."""

    def __init__(self, reason: str, leader: str = "") -> None:
        super().__init__(reason)
        self.leader = leader  # where the answer redirects to


@dataclass(frozen=True, slots=True)
class Failure:
    """The first statement that failed: its place, from 1 on, and what SQLite says."""

    number: int
    text: str

    def error(self) -> EngineError | EngineLimit:
        if any(words in self.text for words in TOO_LARGE):
            return EngineLimit(f"rqlite cannot run this: {self.text}")
        return EngineError(f"rqlite, statement {self.number}: {self.text}")


def results(answer: Answer, *, writes: bool) -> list[dict[str, Any]]:
    """The results of the statements.

    Raises NotTaken if nothing has been stored and another node may be tried, OutcomeUnknown if a write may
    have been, ReadTimeout, Unavailable and EngineError.
    """
    if 300 <= answer.status < 400:
        raise NotTaken("another node leads", answer.headers.get("location", ""))
    if answer.status == 200:
        body = _parsed(answer, writes=writes)
        if "error" not in body:
            found: list[dict[str, Any]] = body["results"]
            return found
        said = str(body["error"])
    else:
        said = answer.body[:200].decode(errors="replace").strip()
    raise _refusal(answer.status, said, writes=writes)


def failure(found: list[dict[str, Any]]) -> Failure | None:
    for number, result in enumerate(found, start=1):
        if "error" in result:
            return Failure(number, str(result["error"]))
    return None


def lack_schema(found: list[dict[str, Any]]) -> bool:
    """Whether a statement failed at a table or column that is missing, or that the node does not have yet."""
    words = ("no such table", "no such column")
    return any(str(result.get("error", "")).startswith(words) for result in found)


def rows(found: list[dict[str, Any]], count: int, *, writes: bool) -> list[Rows]:
    """The rows of each of so many statements; raises EngineError or EngineLimit if one has failed."""
    failed = failure(found)
    if failed is not None:
        if writes and failed.number < len(found):  # it did not compile, and the others ran
            raise PartlyApplied(f"rqlite has run a part of a batch: {failed.text}")
        raise failed.error()
    if len(found) != count:
        raise EngineError(f"rqlite answered {len(found)} of {count} statements")
    return [_rows(result) for result in found]


def _rows(result: dict[str, Any]) -> Rows:
    values = result.get("values")
    if values is None:
        return []
    reals = [index for index, kind in enumerate(result["types"]) if kind == "real"]
    for row in values if reals else ():
        for index in reals:  # JSON of Go has no 2.0
            row[index] = float(row[index]) if type(row[index]) is int else row[index]
    return [tuple(row) for row in values]


def _parsed(answer: Answer, *, writes: bool) -> dict[str, Any]:
    try:
        body = orjson.loads(answer.body)
        if isinstance(body, dict) and isinstance(body.get("results"), list):
            return body
    except ValueError:
        pass
    if writes:
        raise OutcomeUnknown("rqlite has answered something that is no result")
    raise EngineError("rqlite has answered something that is no result: is it another server?")


def _refusal(status: int, said: str, *, writes: bool) -> Exception:
    if status in {401, 403}:
        return CredentialsRefused(NO_RIGHTS)
    if status == 503 or any(words in said for words in NEVER_STORED):
        return NotTaken(said or "a node is not ready")
    if any(words in said for words in TOO_LARGE):
        return EngineLimit(f"rqlite cannot run this: {said}")
    if status in {400, 404, 405}:
        return EngineError(f"rqlite refuses the request with status {status}: {said}")
    if writes:
        return OutcomeUnknown(f"rqlite says: {said}")
    if any(words in said for words in OUT_OF_TIME):
        return ReadTimeout("rqlite took too long to read")
    if "json:" in said:  # of a number that JSON has no word for
        return EngineError(f"rqlite cannot answer this: {said}")
    return NotTaken(f"rqlite says: {said}")
