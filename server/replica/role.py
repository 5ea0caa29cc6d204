"""What makes a server a replica: it knows how old its copy is, and forwards what its copy cannot answer."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
from starlette.types import Message, Receive, Scope

from db.consistency import At, Level
from db.queries import log_positions
from db.queries.log_positions import Kind
from resolvers.permissions import Viewer
from server.graphql.consistency import MARK_HEADER
from server.graphql.operation import PreparedOperation
from server.graphql.request import JSON
from server.http.errors import HTTPError
from server.replica import primary
from server.replica.primary import (
    FORWARDED,
    IS_REPLICA,
    LAG,
    RETRY,
    Forwarded,
    NotReached,
    Outgoing,
    Primary,
)
from server.settings import Settings
from server.telemetry.operation_log import OperationLog

if TYPE_CHECKING:
    from db.replica.database import ReplicaDatabase
    from db.replica.written import Written

UNKNOWN_LAG = b"unknown"

log = logging.getLogger(__name__)


class Replica:
    """One worker's; `cursor_key` seals marks, as on the primary."""

    def __init__(
        self, db: "ReplicaDatabase", to: Primary, written: "Written", cursor_key: bytes
    ) -> None:
        self._db = db
        self._primary = to
        self._written = written
        self._key = cursor_key

    def beat_at(self) -> float | None:
        """The heartbeat that what is read from now on has at least, in Unix time."""
        return None if self._db.position is None else self._db.position.beat_at

    @property
    def lag(self) -> float | None:
        """See ReplicaDatabase.lag."""
        return self._db.lag

    def add_lag(self, headers: list[tuple[bytes, bytes]], beat_at: float | None) -> None:
        """Add how many seconds ago what was read since that heartbeat was seen was the newest state, at most.

        Does nothing for the primary's own responses, which say 0.
        """
        if all(name != LAG for name, _ in headers):
            lag = self._db.lag_since(beat_at)
            headers.append((LAG, UNKNOWN_LAG if lag is None else b"%.3f" % lag))

    def require_new(self) -> None:
        """Raise Unavailable if the copy is too old to check credentials in."""
        self._db.require_new()

    def recorded(self, receive: Receive) -> "RecordedBody":
        return RecordedBody(receive)

    def outgoing(
        self, scope: Scope, body: bytes, client: str, prepared: PreparedOperation
    ) -> Outgoing:
        """A client's request as it came."""
        is_safe, has_key = prepared.operation.is_query, prepared.idempotency_key is not None
        method, query = scope["method"], scope["query_string"]
        return Outgoing(method, query, scope["headers"], body, client, is_safe, has_key)

    def admit(self, headers: Mapping[bytes, bytes]) -> None:
        """Raise HTTPError, 503, if the copy cannot be read, or another replica has forwarded the request.

        That would go on for ever.
        """
        if FORWARDED in headers:
            raise HTTPError(503, IS_REPLICA)
        if self._db.reason is not None:
            raise HTTPError(503, self._db.reason, RETRY)

    def forwards(self, prepared: PreparedOperation, viewer: Viewer) -> bool:
        """Whether the primary answers an operation, and this copy does not."""
        operation = prepared.operation
        if operation.is_subscription:
            return False
        return not operation.is_query or not self._is_new_enough(prepared.at, viewer)

    def _is_new_enough(self, at: At, viewer: Viewer) -> bool:
        mark = max(at.mark, self._written.mark(viewer.share))
        return self._satisfies(At(at.level, at.freshness, mark))

    def _satisfies(self, at: At) -> bool:
        """Whether what is read now is what `at` asks for."""
        if at.level is Level.STRONG:
            return False
        beat_at = self.beat_at()
        if at.mark and (beat_at is None or beat_at * 1_000 <= at.mark):
            return False
        if at.freshness is None:
            return True
        lag = self._db.lag_since(beat_at)
        return lag is not None and lag <= at.freshness

    async def forward(
        self, request: Outgoing, prepared: PreparedOperation, viewer: Viewer
    ) -> Forwarded | None:
        """The primary's response; raises HTTPError like Primary.forward.

        None if the primary is not there and the client has not asked for more than this copy has: what it
        wrote last may be missing, and reads go on.
        """
        try:
            answer = await self._primary.forward(request)
        except NotReached:
            if prepared.operation.is_query and self._satisfies(prepared.at):
                return None
            raise
        if (sealed := answer.header(MARK_HEADER)) is not None:
            mark = log_positions.unseal(self._key, sealed, Kind.MARK)
            if mark is not None:
                self._written.record(viewer.share, mark)
        log.info(
            "request forwarded",
            extra={"status": answer.status, "primary_request": answer.request_id},
        )
        return answer

    async def execute(
        self,
        prepared: PreparedOperation,
        viewer: Viewer,
        operation_log: OperationLog,
        credentials: Sequence[tuple[bytes, bytes]],
        client: str,
    ) -> dict[str, Any] | None:
        """The primary's response to an operation that came by a WebSocket, or is answered in a stream.

        None like `forward`. Raises HTTPError like Primary.forward, and with the primary's own refusals.
        """
        headers = [
            (b"content-type", JSON.encode()),
            (b"accept", JSON.encode()),
            (b"accept-encoding", b"identity"),
            *(each for each in credentials if each[0] == b"authorization"),
        ]
        request = Outgoing(
            "POST",
            b"",
            headers,
            _body(prepared),
            client,
            is_safe=prepared.operation.is_query,
            has_key=prepared.idempotency_key is not None,
        )
        answer = await self.forward(request, prepared, viewer)
        if answer is None:
            return None
        response = primary.json_of(answer)
        operation_log.outcome = "forwarded"
        prepared.mark = answer.header(MARK_HEADER)
        return response


def _body(prepared: PreparedOperation) -> bytes:
    """The operation as a request; a persisted document is named by its id, as the client did."""
    request = prepared.request
    extensions: dict[str, Any] = {}
    if request.wants_cost:
        extensions["cost"] = True
    if prepared.idempotency_key is not None:
        extensions["idempotencyKey"] = prepared.idempotency_key
    if request.document_id is not None:
        document = {"documentId": request.document_id}
    else:
        document = {"query": prepared.document.text}
        if request.sha256 is not None:
            extensions["persistedQuery"] = {"version": 1, "sha256Hash": request.sha256}
    return orjson.dumps(
        {
            **document,
            "variables": request.variables,
            "operationName": request.operation_name,
            "extensions": extensions,
        }
    )


class RecordedBody:
    """Receives a request's body, and keeps it as it came."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._parts: list[bytes] = []

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._parts.append(message.get("body", b""))
        return message

    @property
    def received(self) -> bytes:
        return b"".join(self._parts)


@asynccontextmanager
async def open_replica(
    settings: Settings, db: "ReplicaDatabase", cursor_key: bytes
) -> AsyncIterator[Replica]:
    from db.replica.written import Written

    to = Primary(settings.primary_url)
    written = Written(db.copies.writes)
    try:
        yield Replica(db, to, written, cursor_key)
    finally:
        written.close()
        await to.close()
