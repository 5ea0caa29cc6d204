"""The rules of connections: opened by contexts and actors, watched, used, closed and reopened."""

from collections.abc import Sequence
from uuid import uuid4

from db.commands import connection_health, connections
from db.commands.connection_health import Use
from db.errors import ErrorCode, Problem, Refused
from db.model import tables
from db.model.enums import ConnectionType
from resolvers.operation_context import Given, OperationContext
from resolvers.permissions import Capability, takes
from resolvers.validation import endpoints, secrets, validators
from resolvers.validation.input_checks import Checks
from resolvers.validation.json_objects import json_object

LONGEST_ERROR = 2000
MOST_USES = 100
MOST_REQUESTS = 1_000_000

REACH = {
    "target_endpoint": endpoints.endpoint,
    "credentials_kv_key": validators.key_reference,
    "config": json_object,
    "installation_id": validators.identifier,
}
CONNECTION_TYPE = validators.one_of(ConnectionType)


@takes(
    Capability.REGISTRY_WRITE,
    own="from itself and its contexts, through installations that it sees",
)
async def open(ctx: OperationContext, given: Given) -> tables.Connection:  # noqa: A001 - what it does
    """Open a connection from a context or an actor, with the UUID given or a new one."""
    checks = Checks(given)
    connection_id = checks.optional("connection_id", validators.uuid)
    source = checks.required("source", validators.chitty_id)
    target_service = checks.required("target_service", endpoints.service)
    connection_type = checks.with_default("connection_type", CONNECTION_TYPE, ConnectionType.API)
    reach = checks.changes(REACH)
    checks.done()
    identity = {
        "connection_id": connection_id or str(uuid4()),
        "source_chitty_id": source,
        "target_service": target_service,
        "connection_type": connection_type,
        "config": reach.pop("config", None) or {},
    }
    return await ctx.write(connections.insert(reach | identity))


@takes(Capability.REGISTRY_WRITE, own="its own and those of its contexts")
async def update(ctx: OperationContext, given: Given) -> tables.Connection:
    """Change what was given of a connection, or switch it on or off."""
    checks = Checks(given)
    connection_id, if_updated_at = _reference(checks)
    changes = checks.changes(REACH, {"connection_type": CONNECTION_TYPE, "active": validators.flag})
    checks.done()
    active = changes.pop("active", None)
    if "config" in changes:
        changes["config"] = changes["config"] or {}
    return await ctx.write(connections.update(connection_id, changes, active, if_updated_at))


@takes(Capability.REGISTRY_WRITE, own="its own and those of its contexts")
async def disconnect(ctx: OperationContext, given: Given) -> tables.Connection:
    """Close a connection; it stays to be seen, and can be reconnected."""
    checks = Checks(given)
    connection_id, if_updated_at = _reference(checks)
    checks.done()
    return await ctx.write(connections.disconnect(connection_id, if_updated_at))


@takes(Capability.REGISTRY_WRITE, own="its own and those of its contexts")
async def reconnect(ctx: OperationContext, given: Given) -> tables.Connection:
    """Make an inactive, failed or disconnected connection active again."""
    checks = Checks(given)
    connection_id, if_updated_at = _reference(checks)
    checks.done()
    return await ctx.write(connections.reconnect(connection_id, if_updated_at))


@takes(Capability.CONNECTIONS_REPORT)
async def report_health(ctx: OperationContext, given: Given) -> tables.Connection:
    """Note a check of a connection; an error's text is kept without secrets and cut to 2000."""
    checks = Checks(given)
    connection_id = checks.required("connection_id", validators.uuid)
    healthy = checks.required("healthy", validators.flag)
    error = checks.optional("error", validators.text(100_000, lines=True))
    if healthy and given.get("error") is not None:
        checks.refuse("error", "a healthy connection has no error: leave it out")
    checked_at = checks.optional("checked_at", validators.past)
    checks.done()
    return await ctx.write(
        connection_health.report(
            connection_id,
            healthy=healthy,
            error=error and secrets.redact(error)[:LONGEST_ERROR],
            checked_at=checked_at,
            threshold=ctx.policy.failure_threshold,
        )
    )


@takes(Capability.CONNECTIONS_REPORT)
async def record_use(ctx: OperationContext, given: Sequence[Given]) -> list[tables.Connection]:
    """Count requests made through connections, all or nothing; answers in the order of `given`."""
    if not given:
        raise Refused([Problem(ErrorCode.INVALID, (), "name at least one connection")])
    if len(given) > MOST_USES:
        message = f"{len(given)} connections are too many for once: send at most {MOST_USES}"
        raise Refused([Problem(ErrorCode.LIMIT, (), message)])
    uses, problems = [], []
    for place, one in enumerate(given):
        checks = Checks(one, at=(str(place),))
        connection_id = checks.required("connection_id", validators.uuid)
        requests = checks.with_default("requests", validators.whole(1, MOST_REQUESTS), 1)
        uses.append(Use(connection_id, requests))
        problems += checks.problems
    if problems:
        raise Refused(problems)
    return await ctx.write(connection_health.count_uses(uses))


def _reference(checks: Checks) -> tuple[str, str | None]:
    connection_id = checks.required("connection_id", validators.uuid)
    return connection_id, checks.optional("if_updated_at", validators.instant)
