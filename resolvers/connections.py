"""Mutations of connections: opening, changing, closing, and reports of their health and use."""

from collections.abc import Sequence

from db.commands import connection_health, connections
from db.commands.connection_health import Usage
from db.errors import ErrorCode, Problem, Refused
from db.model import tables
from db.model.connection_id import new_id
from db.model.enums import ConnectionType
from resolvers.operation_context import OperationContext
from resolvers.permissions import Capability, requires
from resolvers.validation import endpoints, secrets, validators
from resolvers.validation.input_checks import InputChecks, Inputs
from resolvers.validation.json_objects import json_object

MAX_ERROR_LENGTH = 2000
MAX_SEARCHED = 5 * MAX_ERROR_LENGTH
MAX_USES = 100
MAX_REQUESTS = 1_000_000

TARGET = {
    "target_endpoint": endpoints.endpoint,
    "credentials_kv_key": validators.key_reference,
    "config": json_object,
    "installation_id": validators.installation_id_of_row,
}
CONNECTION_TYPE = validators.one_of(ConnectionType)


@requires(
    Capability.REGISTRY_WRITE,
    own="from itself and its contexts, through installations that it sees",
)
async def open(ctx: OperationContext, inputs: Inputs) -> tables.Connection:  # noqa: A001 - read as connections.open
    checks = InputChecks(inputs)
    connection_id = checks.optional("connection_id", validators.new_connection_id)
    source = checks.required("source", validators.chitty_id_of_row)
    target_service = checks.required("target_service", endpoints.service)
    connection_type = checks.with_default("connection_type", CONNECTION_TYPE, ConnectionType.API)
    target = checks.changes(TARGET)
    checks.raise_problems()
    identity = {
        "connection_id": connection_id or new_id(),
        "source_chitty_id": source,
        "target_service": target_service,
        "connection_type": connection_type,
        "config": target.pop("config", None) or {},
    }
    return await ctx.write(connections.insert(target | identity))


@requires(Capability.REGISTRY_WRITE, own="its own and those of its contexts")
async def update(ctx: OperationContext, inputs: Inputs) -> tables.Connection:
    checks = InputChecks(inputs)
    connection_id, if_updated_at = _reference(checks)
    changes = checks.changes(
        TARGET, {"connection_type": CONNECTION_TYPE, "active": validators.boolean}
    )
    checks.raise_problems()
    active = changes.pop("active", None)
    if "config" in changes:
        changes["config"] = changes["config"] or {}
    return await ctx.write(connections.update(connection_id, changes, active, if_updated_at))


@requires(Capability.REGISTRY_WRITE, own="its own and those of its contexts")
async def disconnect(ctx: OperationContext, inputs: Inputs) -> tables.Connection:
    """Disconnect a connection; its row stays, so that it can be reconnected."""
    checks = InputChecks(inputs)
    connection_id, if_updated_at = _reference(checks)
    checks.raise_problems()
    return await ctx.write(connections.disconnect(connection_id, if_updated_at))


@requires(Capability.REGISTRY_WRITE, own="its own and those of its contexts")
async def reconnect(ctx: OperationContext, inputs: Inputs) -> tables.Connection:
    checks = InputChecks(inputs)
    connection_id, if_updated_at = _reference(checks)
    checks.raise_problems()
    return await ctx.write(connections.reconnect(connection_id, if_updated_at))


@requires(Capability.CONNECTIONS_REPORT)
async def report_health(ctx: OperationContext, inputs: Inputs) -> tables.Connection:
    """Record a health check. An error is stored redacted and cut to MAX_ERROR_LENGTH characters."""
    checks = InputChecks(inputs)
    connection_id = checks.required("connection_id", validators.connection_id_of_row)
    healthy = checks.required("healthy", validators.boolean)
    error = checks.optional("error", validators.text(100_000, lines=True))
    if healthy and inputs.get("error") is not None:
        checks.add_problem("error", "must be absent in a healthy report")
    checked_at = checks.optional("checked_at", validators.past_instant)
    checks.raise_problems()
    return await ctx.write(
        connection_health.report(
            connection_id,
            healthy=healthy,
            error=error and _redacted(error),
            checked_at=checked_at,
            threshold=ctx.policy.failure_threshold,
        )
    )


@requires(Capability.CONNECTIONS_REPORT)
async def record_use(ctx: OperationContext, inputs: Sequence[Inputs]) -> list[tables.Connection]:
    """Add to the request counts of connections, all or none; returns them in the inputs' order."""
    if not inputs:
        raise Refused([Problem(ErrorCode.INVALID, (), "send at least one connection")])
    if len(inputs) > MAX_USES:
        message = f"{len(inputs)} connections are too many at once: send at most {MAX_USES}"
        raise Refused([Problem(ErrorCode.LIMIT, (), message)])
    uses, problems = [], []
    for position, item in enumerate(inputs):
        checks = InputChecks(item, path=(str(position),))
        connection_id = checks.required("connection_id", validators.connection_id_of_row)
        requests = checks.with_default("requests", validators.whole_number(1, MAX_REQUESTS), 1)
        uses.append(Usage(connection_id, requests))
        problems += checks.problems
    if problems:
        raise Refused(problems)
    counted = await ctx.write_rows(connection_health.count_uses(uses))
    connections_by_id = {row.connection_id: row for row in counted}
    return [connections_by_id[use.connection_id] for use in uses]


def _redacted(error: str) -> str:
    """The error without secrets, cut; only its first MAX_SEARCHED characters are searched for them."""
    redacted = secrets.redact(error[:MAX_SEARCHED])
    if len(error) > MAX_SEARCHED and not redacted.endswith(secrets.REDACTED):
        redacted = redacted[: -secrets.MAX_FIXED_LENGTH]  # it may end with half of a secret
    return redacted[:MAX_ERROR_LENGTH]


def _reference(checks: InputChecks) -> tuple[str, str | None]:
    connection_id = checks.required("connection_id", validators.connection_id_of_row)
    return connection_id, checks.optional("if_updated_at", validators.instant)
