"""Sends batches to a registry in Cloudflare D1, through the Worker of deploy/d1-proxy."""

import json
from collections.abc import Sequence
from typing import Any

import orjson

from db.consistency import At, Level
from db.errors import (
    CredentialsRefused,
    EngineError,
    EngineLimit,
    OutcomeUnknown,
    ReadTimeout,
    Unavailable,
)
from db.program import Rows
from db.remote.d1 import values
from db.remote.d1.limits import (
    BODY_BYTES,
    ENGINE,
    LIMITS,
    STATEMENT_BYTES,
    STATEMENTS,
    is_limit,
)
from db.remote.d1.statements import prepare
from db.remote.http_client import (
    Answer,
    AnswerLate,
    AnswerLost,
    AnswerTooLarge,
    HttpClient,
    NotSent,
)
from db.remote.transport import Bound, EngineStatus, Limits

PRIMARY, ANY = "first-primary", "first-unconstrained"
MIGRATION_SECONDS = 30.0  # as long as D1 lets a query take
# How much earlier the Worker gives up, which answers then, than its client, which learns nothing.
MARGIN_SECONDS = 0.2
NO_WORKER = "is what answers there the Worker of deploy/d1-proxy?"
# An error of its own, which keeps anything of a batch from being stored.
FAILS = ["SELECT abs(-9223372036854775808) AS fails", []]
FAILED = "integer overflow"


class D1Transport:
    limits: Limits = LIMITS

    def __init__(self, url: str, token: str) -> None:
        """The URL of the Worker, and the token that it wants."""
        self._url = url
        self._http = HttpClient(
            {
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                "Accept": "application/json",
                "User-Agent": "chittygraph",  # Cloudflare may refuse requests without one
            }
        )
        self._bookmark = ""  # of the newest write that was answered

    async def send(
        self, batch: Sequence[Bound], *, write: bool, at: At, seconds: float
    ) -> list[Rows]:
        """See Transport.send; raises Refused for a write of an integer that D1 cannot hold."""
        session = PRIMARY if write else self._session(at)
        statements = _statements(batch, write=write)
        answered = await self._run(statements, session, write=write, seconds=seconds)
        if write:
            self._bookmark = answered["bookmark"] or ""
        try:
            return values.rows_of(answered["results"])
        except values.InexactInteger as error:
            raise (OutcomeUnknown if write else EngineLimit)(str(error)) from None

    async def migrate(self, batch: Sequence[Bound]) -> bool:
        """See Transport.migrate."""
        statements = _statements(batch, write=True)
        try:
            await self._run(statements, PRIMARY, write=True, seconds=MIGRATION_SECONDS)
        except (EngineError, EngineLimit) as error:
            number = await self._failing(statements)
            if number == 1 and "UNIQUE constraint failed" in str(error):
                return False
            raise EngineError(f"statement {number}: {error}") from error
        return True

    async def status(self, seconds: float) -> EngineStatus:
        """See Transport.status. D1 tells no version."""
        try:
            answered = await self._run(
                [["SELECT 1 AS one", []]], PRIMARY, write=False, seconds=seconds
            )
        except EngineError as error:
            raise Unavailable(f"{error}") from error
        return EngineStatus(None, None, int(answered["meta"]["size_after"]))

    async def close(self) -> None:
        await self._http.close()

    def _session(self, at: At) -> str:
        """No replica of D1 says how old its state is, so that a wanted age asks the primary."""
        if at.level is not Level.NONE or at.freshness is not None:
            return PRIMARY
        # A replica with this bookmark holds what this process has written; others' writes have others.
        return self._bookmark if at.mark and self._bookmark else ANY

    async def _failing(self, statements: list[Any]) -> int:
        """The number of the statement of a batch that failed, which D1 does not tell."""
        passing, failing = 0, len(statements)
        while failing - passing > 1:
            middle = (passing + failing) // 2
            try:
                await self._run(
                    [*statements[:middle], FAILS], PRIMARY, write=True, seconds=MIGRATION_SECONDS
                )
            except (EngineError, EngineLimit) as error:
                if FAILED in str(error):
                    passing = middle
                else:
                    failing = middle
        return failing

    async def _run(
        self, statements: list[Any], session: str, *, write: bool, seconds: float
    ) -> dict[str, Any]:
        body = json.dumps(
            {
                "session": session,
                "seconds": max(seconds - MARGIN_SECONDS, seconds / 2),
                "statements": statements,
            },
            ensure_ascii=False,
        ).encode(errors="backslashreplace")
        if len(body) > BODY_BYTES:
            raise EngineLimit(f"{ENGINE}'s Worker takes at most {BODY_BYTES:,} bytes at once")
        answer = await self._post(body, write=write, seconds=seconds)
        try:
            answered: dict[str, Any] = orjson.loads(answer.body)
            if answer.status == 200 and isinstance(answered["results"], list):
                return answered
            code, message = answered["error"]["code"], str(answered["error"]["message"])
        except (ValueError, TypeError, LookupError):
            raise _foreign(answer.status, write=write) from None
        raise _error(code, message, write=write)

    async def _post(self, body: bytes, *, write: bool, seconds: float) -> Answer:
        try:
            return await self._http.post(self._url, body, seconds)
        except NotSent as error:
            raise Unavailable(f"{ENGINE} cannot be reached: {error}") from None
        except AnswerTooLarge as error:
            if write:
                raise OutcomeUnknown(f"{ENGINE} has answered with {error}") from None
            raise EngineLimit(f"{ENGINE} has answered with {error}: ask for less at once") from None
        except AnswerLost as error:
            if write:
                raise OutcomeUnknown(f"{ENGINE}: {error}") from None
            if isinstance(error, AnswerLate):
                raise ReadTimeout(f"{ENGINE}: {error}") from None
            raise Unavailable(f"{ENGINE}: {error}") from None


def _statements(batch: Sequence[Bound], *, write: bool) -> list[Any]:
    if len(batch) > STATEMENTS:
        raise EngineLimit(f"{ENGINE} takes at most {STATEMENTS:,} statements at once")
    statements = []
    for bound in batch:
        if len(bound.sql) > STATEMENT_BYTES:
            raise _too_long()
        prepared = prepare(bound.sql)
        if len(prepared.sql.encode()) > STATEMENT_BYTES:
            raise _too_long()
        statements.append([prepared.sql, values.parameters(bound, prepared, write=write)])
    return statements


def _too_long() -> EngineLimit:
    return EngineLimit(
        f"{ENGINE} takes at most {STATEMENT_BYTES:,} bytes of SQL in a statement:"
        " ask for less at once, with fewer filters"
    )


def _error(code: str, message: str, *, write: bool) -> Exception:
    """What an error of the Worker means; see the first comment of worker.js."""
    told = f"{ENGINE}: {message}"
    if code == "SQL" and is_limit(message):
        return EngineLimit(f"{ENGINE} cannot run so large or deep a statement: {message}")
    if code == "TOO_LARGE":
        return EngineLimit(f"{ENGINE}'s Worker takes no batch so large: {message}")
    if code in {"SQL", "INVALID", "METHOD_NOT_ALLOWED"}:
        return EngineError(told)
    if code == "UNAUTHORIZED":
        return CredentialsRefused(f"{ENGINE}'s Worker refuses the token in the URL of the database")
    if code == "NOT_CONFIGURED":
        return CredentialsRefused(told)
    if code == "UNAVAILABLE":
        return Unavailable(told)
    if write:
        return OutcomeUnknown(told)
    read_errors = {"TIMEOUT": ReadTimeout, "COLUMNS": EngineError}
    return read_errors.get(code, Unavailable)(told)


def _foreign(status: int, *, write: bool) -> Exception:
    """What an answer means that the Worker has not given: one with 4xx comes instead of its own."""
    if write and not 400 <= status < 500:
        return OutcomeUnknown(f"{ENGINE} has answered with HTTP {status}")
    return Unavailable(f"{ENGINE} has answered with HTTP {status}: {NO_WORKER}")
