"""One operation, whichever transport brought it: viewer, preparation, cost and execution."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from starlette.types import Scope

from db.consistency import NOW, At, Level
from db.database import Database
from db.errors import IdempotencyKeyReused, Unavailable
from db.queries import log_positions
from db.queries.log_positions import Kind
from resolvers.idempotency import IdempotentRequest, fingerprint
from resolvers.minting import Mint
from resolvers.operation_context import OperationContext
from resolvers.permissions import ADMIN, Viewer
from resolvers.policy import Policy
from schema import errors
from schema.execution.documents import Documents, Operation, PreparedDocument
from schema.execution.executor import Executor
from server import ip_addresses
from server.auth.gate import Gate
from server.auth.rate_limits import Allowance
from server.graphql.consistency import Marks
from server.graphql.idempotency_keys import key_of
from server.graphql.persisted_documents import PersistedDocuments
from server.graphql.request import GraphQLRequest
from server.http import hosts
from server.http.client_address import TrustedProxies
from server.http.errors import HTTPError
from server.http.turns import Client, Headers
from server.telemetry import logs
from server.telemetry.operation_log import OperationLog

RETRY_SOON = {"retry-after": "1"}


@dataclass(eq=False, slots=True)
class PreparedOperation:
    """`allowance` is what is left of the viewer's minute; only a mutation has an `idempotency_key`.

    `at` is how new what it reads must be. Once it is executed, `mark` is what covers its writes, sealed, and
    `is_torn` says that its reads have seen different states.
    """

    request: GraphQLRequest
    document: PreparedDocument
    operation: Operation
    allowance: Allowance | None = None
    idempotency_key: str | None = None
    at: At = NOW
    mark: str | None = None
    is_torn: bool = False


@dataclass(eq=False, slots=True, kw_only=True)
class Operations:
    """Executes operations. Without a gate, every viewer is the operator; Host is then checked unless
    `open_network` allows any.
    """

    db: Database
    cursor_key: bytes
    mint: Mint
    policy: Policy
    documents: Documents
    persisted_documents: PersistedDocuments
    executor: Executor
    gate: Gate | None
    proxies: TrustedProxies | None
    max_cost: int
    open_network: bool
    marks: Marks = field(default_factory=Marks)

    def client_address(self, scope: Scope) -> str:
        """Empty if the client has no address, as on a Unix socket."""
        client = scope.get("client")
        address = client[0] if client else ""
        return self.proxies.client_address(address, scope["headers"]) if self.proxies else address

    def share(self, client: Client, headers: Headers) -> str:
        """Whose turn a request takes: its actor's if that is known already, else its client's."""
        actor = None if self.gate is None else self.gate.known_actor(headers)
        if actor is not None:
            return actor
        return ip_addresses.client_network(
            self.client_address({"client": client, "headers": headers})
        )

    async def viewer(
        self, scope: Scope, log: OperationLog, credentials: Sequence[tuple[bytes, bytes]]
    ) -> Viewer:
        """The viewer with these credentials; raises HTTPError: the gate's, or 421 for an untrusted Host."""
        address = log.client = self.client_address(scope)
        if self.gate is None:
            name = None if self.open_network else hosts.untrusted_host(scope["headers"])
            if name is not None:
                raise HTTPError(
                    421,
                    f"in open mode, this server answers no requests for {name!r}: use 127.0.0.1, or"
                    " start it with --allow-open-network",
                )
            return _operator(address)
        viewer = await self.gate.authenticate(credentials, address)
        log.actor = viewer.actor
        return viewer

    def use(self, documents: Documents, persisted_documents: PersistedDocuments) -> None:
        """Use these from now on, with the documents that clients have registered."""
        persisted_documents.take_registered(self.persisted_documents)
        self.documents, self.persisted_documents = documents, persisted_documents

    def prepare(
        self, request: GraphQLRequest, log: OperationLog, idempotency_key: bytes | None = None
    ) -> PreparedOperation:
        """Find the operation; `idempotency_key` is that header's value.

        Raises RequestRefused for a document or operation that is not valid, MalformedRequest for a key.
        """
        document = self.documents.prepare(self.persisted_documents.document(request))
        log.document = document.digest
        operation = document.operation(request.operation_name)
        log.operation = operation.name or ""
        prepared = PreparedOperation(request, document, operation)
        if not (operation.is_query or operation.is_subscription):
            prepared.idempotency_key = key_of(idempotency_key, request.idempotency_key)
        return prepared

    def charge(self, prepared: PreparedOperation, viewer: Viewer, log: OperationLog) -> None:
        """Charge the cost to the viewer's minute; raises RequestRefused over the limit, HTTPError 429."""
        log.cost = self.documents.check_cost(prepared.operation, prepared.request.variables)
        if self.gate is not None:
            prepared.allowance = self.gate.spend(viewer, log.cost)

    async def execute(
        self, prepared: PreparedOperation, viewer: Viewer, log: OperationLog
    ) -> dict[str, Any]:
        """The GraphQL response: data, errors and extensions.

        Raises RequestRefused for bad variables, and HTTPError: 422 for an Idempotency-Key that another
        request had, 503 for a query that has to wait too long or a key that cannot be looked up.
        """
        request = prepared.request
        ctx = self.context(viewer, logs.request_id.get())
        if prepared.at is not NOW or self.marks.are_kept:
            ctx.at = self._state_for(prepared, viewer)
        log.usage = ctx.usage
        try:
            if prepared.idempotency_key is not None:
                ctx.idempotency = await self._idempotent(prepared, prepared.idempotency_key, viewer)
            result = await self.executor.execute(
                prepared.document, prepared.operation, ctx, request.variables
            )
        except Unavailable as refused:  # of a mutation while it runs, it is in the payload
            raise HTTPError(503, str(refused), RETRY_SOON) from None
        except IdempotencyKeyReused as reused:
            raise HTTPError(422, str(reused)) from None
        finally:
            ctx.close()
        prepared.is_torn = ctx.is_torn
        if ctx.mark:
            self.marks.record(viewer.share, ctx.mark)
            prepared.mark = log_positions.seal(self.cursor_key, ctx.mark, Kind.MARK)
        log.execution = "generic" if result.fallback_reason else "compiled"
        log.outcome = "errors" if result.errors else "ok"
        response: dict[str, Any] = {"data": result.data}
        if result.errors:
            response["errors"] = errors.format_errors(result.errors, logs.request_id.get())
        if request.wants_cost:
            response["extensions"] = self._extensions(prepared, log, result.data)
        return response

    def context(self, viewer: Viewer, request_id: str) -> OperationContext:
        """The context of one operation, or of one event of a subscription; whoever takes it closes it."""
        return OperationContext(
            self.db, self.cursor_key, viewer, self.policy, self.mint, request_id or None
        )

    def _state_for(self, prepared: PreparedOperation, viewer: Viewer) -> At:
        """The state that it has to see: at least what its viewer has written."""
        at = self.marks.at(prepared.at, viewer.share)
        # What a mutation looks up before and after it writes must not be older than what it writes to.
        is_old = at.level is Level.NONE and not prepared.operation.is_query
        return At(mark=at.mark) if is_old else at

    async def _idempotent(
        self, prepared: PreparedOperation, key: str, viewer: Viewer
    ) -> IdempotentRequest:
        document, operation = prepared.document.digest, prepared.operation.name
        request = fingerprint(key, document, operation, prepared.request.variables)
        return await IdempotentRequest.begin(
            viewer, key, request, lambda program: self.db.read(program, viewer.security)
        )

    def _extensions(self, prepared: PreparedOperation, log: OperationLog, data: Any) -> Any:
        assert prepared.operation.cost is not None  # noqa: S101 - it was charged
        plain, sent = orjson.loads(orjson.dumps(data)), prepared.request.variables
        actual = prepared.operation.cost.actual(plain, sent)
        cost = {"requested": log.cost, "actual": actual, "limit": self.max_cost}
        extensions: dict[str, Any] = {"cost": cost}
        if prepared.allowance is not None:
            extensions["throttle"] = prepared.allowance.extension
        return extensions


@lru_cache(1_024)
def _operator(address: str) -> Viewer:
    """The viewer of a client in open mode."""
    return Viewer(None, (ADMIN,), client=ip_addresses.client_network(address))
