"""One operation, by whatever way it came: for whom, prepared, paid for, and carried out.

Over HTTP `noted` is the request's connection scope; on a WebSocket each operation has a mapping of its
own. What is told of an operation is left there, by the names that `server.requests` lists.
"""

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
from starlette.types import Scope as Connection

from resolvers.operation_context import OperationContext
from resolvers.permissions import OPERATOR, Viewer
from schema import errors
from schema.execution.documents import Operation, Prepared
from server.auth.gate import Gate
from server.graphql.request import Envelope
from server.http import hosts
from server.http.client_address import TrustedProxies
from server.http.errors import HTTPError
from server.telemetry import logs

if TYPE_CHECKING:
    from server.app import Service

Noted: TypeAlias = MutableMapping[str, Any]


@dataclass(slots=True)
class Job:
    """An operation that may be carried out: what was asked, and the document that this stands for."""

    asked: Envelope
    document: str
    prepared: Prepared
    operation: Operation


async def viewer(
    connection: Connection, noted: Noted, credentials: Sequence[tuple[bytes, bytes]]
) -> Viewer:
    """Who asks, with these headers to prove it, and may: that is one request of theirs.

    Raises HTTPError for whoever may not; that is 421 where an open service is asked by a name that
    somebody else may have chosen.
    """
    gate: Gate | None = connection["app"].gate
    if gate is None:
        _check_host(connection)
        return OPERATOR
    found = await gate.authenticate(credentials, address_of(connection))
    noted["chittygraph.actor"] = found.actor
    return found


def prepared(app: "Service", noted: Noted, asked: Envelope) -> Job:
    """Find the document and the operation in it; raises RequestRefused with what is wrong with them."""
    document = app.trusted.document(asked)
    found = app.documents.prepare(document)
    noted["chittygraph.document"] = found.digest
    operation = found.operation(asked.operation_name)
    noted["chittygraph.operation"] = operation.name or ""
    return Job(asked, document, found, operation)


def pay(app: "Service", noted: Noted, job: Job, viewer: Viewer) -> None:
    """Hold an operation to its limit and its viewer's minute; raises RequestRefused or HTTPError."""
    cost = app.documents.requested(job.operation, job.asked.variables)
    noted["chittygraph.cost"] = cost
    if app.gate is not None:
        noted["chittygraph.throttle"] = app.gate.spend(viewer, cost)


async def carry_out(app: "Service", noted: Noted, job: Job, viewer: Viewer) -> dict[str, Any]:
    """The answer to an operation, as GraphQL has it: data, errors and extensions.

    Raises RequestRefused where its variables do not fit.
    """
    ctx = OperationContext(
        db=app.db,
        cursor_key=app.cursor_key,
        viewer=viewer,
        policy=app.policy,
        mint=app.mint,
    )
    noted["chittygraph.spent"] = ctx.spent
    asked = job.asked
    async with ctx:
        answered = await app.roads.answer(job.prepared, ctx, asked.variables, asked.operation_name)
    noted["chittygraph.road"] = "generic" if answered.why_generic else "compiled"
    noted["chittygraph.outcome"] = "errors" if answered.errors else "ok"
    answer: dict[str, Any] = {"data": answered.data}
    if answered.errors:
        answer["errors"] = errors.formatted(answered.errors, logs.request_id.get())
    if asked.wants_cost:
        answer["extensions"] = _extensions(app, noted, job, answered.data)
    return answer


def address_of(connection: Connection) -> str:
    """The address that a request comes from; empty where there is none, as on a Unix socket."""
    client = connection.get("client")
    address = client[0] if client else ""
    proxies: TrustedProxies = connection["app"].proxies
    return proxies.client_address(address, connection["headers"])


def _check_host(connection: Connection) -> None:
    name = hosts.untrusted_host(connection["headers"])
    if name is not None and not connection["app"].settings.allow_open_network:
        raise HTTPError(
            421,
            f"everyone may do everything here, so nothing is taken that was asked of {name!r}:"
            " ask 127.0.0.1, or start the server with --allow-open-network if that is meant",
        )


def _extensions(app: "Service", noted: Noted, job: Job, data: Any) -> dict[str, Any]:
    figures = {
        "requested": noted["chittygraph.cost"],
        "actual": job.operation.cost.actual(orjson.loads(orjson.dumps(data))),
        "limit": app.settings.max_cost,
    }
    found: dict[str, Any] = {"cost": figures}
    if "chittygraph.throttle" in noted:
        found["throttle"] = noted["chittygraph.throttle"].extension
    return found
