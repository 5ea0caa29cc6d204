"""What clients may change: each mutation is one rule of `resolvers`, one input and one payload."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

import strawberry

from db.errors import ErrorCode, Problem, Refused, Unavailable
from resolvers import actors, connections, contexts, installations, permissions
from resolvers.operation_context import OperationContext
from resolvers.policy import DEFAULT_POLICY
from resolvers.validation.input_checks import Inputs
from schema import inputs
from schema.fields import fields
from schema.fields.fields import Info
from schema.fields.sources import MutationField
from schema.inputs import to_inputs
from schema.payloads import (
    ActorPayload,
    ConnectionPayload,
    ConnectionsPayload,
    ContextPayload,
    InstallationPayload,
    UserError,
)

Rule = Callable[[OperationContext, Inputs], Awaitable[Any]]


def _mutation(rule: Rule, input_type: type, payload: Callable[..., Any], description: str) -> Any:
    """The mutation field that carries out a rule: refusals come back as data."""
    requirement = permissions.requirement_of(rule)
    entity = payload.__name__.removesuffix("Payload").lower()

    async def perform(ctx: OperationContext, input: Inputs) -> Any:  # noqa: A002
        try:
            requirement.check(ctx.viewer)
            row = await rule(ctx, input)
        except (Refused, Unavailable) as refused:
            return payload(errors=_errors(refused, "input"))
        return payload(**{entity: fields.to_object(row)})

    async def resolve(self: Any, info: Info, input: Any) -> Any:  # noqa: A002
        return _performed(info) or await perform(info.context, to_inputs(input))

    described = input_type.__strawberry_definition__.description  # type: ignore[attr-defined]
    resolve.__annotations__["input"] = Annotated[
        input_type, strawberry.argument(description=described)
    ]
    return fields.field(MutationField(perform, requirement), resolve, payload, description)


def _performed(info: Info) -> Any:
    """What the compiled road got when it carried this field out, for the answer to be made of."""
    performed = info.context.mutation_results.pop(info.path.key, None)
    if isinstance(performed, Exception):
        raise performed
    return performed


async def _count_uses(ctx: OperationContext, inputs: Sequence[Inputs]) -> ConnectionsPayload:
    try:
        permissions.requirement_of(connections.record_use).check(ctx.viewer)
        rows = await connections.record_use(ctx, inputs)
    except (Refused, Unavailable) as refused:
        return ConnectionsPayload(errors=_errors(refused, "inputs"))
    return ConnectionsPayload(connections=[fields.to_object(row) for row in rows])


async def _record_connection_use(
    self: Any,
    info: Info,
    inputs: Annotated[
        list[inputs.RecordConnectionUseInput],
        strawberry.argument(description="What was used: 1 to 100 connections"),
    ],
) -> Any:
    return _performed(info) or await _count_uses(info.context, [to_inputs(use) for use in inputs])


def _errors(refused: Refused | Unavailable, argument: str) -> list[UserError]:
    problems: Sequence[Problem] = (
        refused.problems
        if isinstance(refused, Refused)
        else [Problem(ErrorCode.UNAVAILABLE, (), str(refused))]
    )
    return [UserError.of(problem, argument) for problem in problems]


@strawberry.type(
    description="What can be changed. What the caller can mend comes back in errors: the entity is "
    "then null and nothing was written"
)
class Mutation:
    """Each is one transaction."""

    register_actor = _mutation(
        actors.register, inputs.RegisterActorInput, ActorPayload, "Registers an actor"
    )
    update_actor = _mutation(
        actors.update, inputs.UpdateActorInput, ActorPayload, "Changes what is given of an actor"
    )
    suspend_actor = _mutation(
        actors.suspend,
        inputs.ActorRefInput,
        ActorPayload,
        "Suspends an actor: it may open nothing until it is reinstated",
    )
    reinstate_actor = _mutation(
        actors.reinstate,
        inputs.ActorRefInput,
        ActorPayload,
        "Brings a suspended or a deleted actor back",
    )
    delete_actor = _mutation(
        actors.delete,
        inputs.DeleteActorInput,
        ActorPayload,
        "Soft. Refused with IN_USE while the actor owns contexts that are not deleted, unless they "
        "are handed to another; its own connections are disconnected",
    )
    record_actor_seen = _mutation(
        actors.record_seen,
        inputs.RecordActorSeenInput,
        ActorPayload,
        "Notes that an actor was seen now, and counts a session when one began",
    )
    create_context = _mutation(
        contexts.create, inputs.CreateContextInput, ContextPayload, "Creates a context"
    )
    update_context = _mutation(
        contexts.update,
        inputs.UpdateContextInput,
        ContextPayload,
        "Changes what is given of a context",
    )
    transfer_context = _mutation(
        contexts.transfer,
        inputs.TransferContextInput,
        ContextPayload,
        "Hands a context to another actor",
    )
    delete_context = _mutation(
        contexts.delete,
        inputs.ContextRefInput,
        ContextPayload,
        "Soft; its open connections are disconnected in the same transaction. The name stays taken, "
        "so that it can be restored",
    )
    restore_context = _mutation(
        contexts.restore, inputs.ContextRefInput, ContextPayload, "Brings a deleted context back"
    )
    record_installation = _mutation(
        installations.record,
        inputs.RecordInstallationInput,
        InstallationPayload,
        "Inserts, or updates the row with this installationId",
    )
    suspend_installation = _mutation(
        installations.suspend,
        inputs.SuspendInstallationInput,
        InstallationPayload,
        "Suspends an installation",
    )
    unsuspend_installation = _mutation(
        installations.unsuspend,
        inputs.InstallationRefInput,
        InstallationPayload,
        "Ends an installation's suspension",
    )
    remove_installation = _mutation(
        installations.remove,
        inputs.InstallationRefInput,
        InstallationPayload,
        "Soft: the installation is kept as uninstalled",
    )
    open_connection = _mutation(
        connections.open, inputs.OpenConnectionInput, ConnectionPayload, "Opens a connection"
    )
    update_connection = _mutation(
        connections.update,
        inputs.UpdateConnectionInput,
        ConnectionPayload,
        "Changes what is given of a connection",
    )
    disconnect = _mutation(
        connections.disconnect, inputs.ConnectionRefInput, ConnectionPayload, "Ends a connection"
    )
    reconnect = _mutation(
        connections.reconnect,
        inputs.ConnectionRefInput,
        ConnectionPayload,
        "Makes a connection active again, with a clean record",
    )
    report_connection_health = _mutation(
        connections.report_health,
        inputs.ReportConnectionHealthInput,
        ConnectionPayload,
        "An unhealthy report counts up and marks the connection FAILED at a threshold"
        f" ({DEFAULT_POLICY.failure_threshold} unless set); a healthy one clears it",
    )

    record_connection_use = fields.field(
        MutationField(_count_uses, permissions.requirement_of(connections.record_use)),
        _record_connection_use,
        ConnectionsPayload,
        "All or nothing, one transaction",
    )
