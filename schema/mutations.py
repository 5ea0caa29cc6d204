"""The Mutation type: each mutation has a rule in `resolvers`, an input and a payload."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

import strawberry

from db.errors import ErrorCode, OutcomeUnknown, Problem, Refused, Unavailable
from resolvers import actors, connections, contexts, installations, permissions
from resolvers import outgoing_webhooks as webhook_rules
from resolvers.operation_context import OperationContext
from resolvers.permissions import Requirement
from resolvers.policy import DEFAULT_POLICY
from resolvers.validation.input_checks import Inputs
from schema import inputs, outgoing_webhooks, references, webhook_filters
from schema.errors import MAX_ERRORS
from schema.fields import fields
from schema.fields.fields import Info
from schema.fields.sources import MutationField
from schema.inputs import to_inputs
from schema.outgoing_webhooks import (
    CreateWebhookPayload,
    OutgoingDeliveryPayload,
    OutgoingWebhookPayload,
    RotateWebhookSecretPayload,
)
from schema.payloads import (
    ActorPayload,
    ConnectionPayload,
    ConnectionsPayload,
    ContextPayload,
    InstallationPayload,
    UserError,
)

NO_KEY = (
    "mutations of webhooks take no Idempotency-Key, since an answer with a secret is not kept: send it"
    " without one"
)

REPEAT = "repeat it with the same Idempotency-Key, which is safe"
LOOK = (
    "read whether it was before you send it again, and send an Idempotency-Key with the next, under which"
    " repeating is safe"
)

Rule = Callable[[OperationContext, Inputs], Awaitable[Any]]


def _mutation(rule: Rule, input_type: type, payload: Callable[..., Any], description: str) -> Any:
    requirement = permissions.requirement_of(rule)
    entity = payload.__name__.removesuffix("Payload").lower()
    named = references.of_input(input_type)

    async def perform(ctx: OperationContext, input: Inputs) -> Any:  # noqa: A002
        try:
            requirement.check(ctx.viewer)
            (keyed,) = await references.to_keys(ctx, [input], named)
            row = await rule(ctx, keyed)
        except OutcomeUnknown as unknown:
            raise _told_what_to_do(ctx, unknown) from unknown
        except (Refused, Unavailable) as refused:
            return payload(errors=_errors(refused, "input"))
        return payload(**{entity: fields.to_object(row)})

    return _field_of_mutation(perform, requirement, input_type, payload, description)


def _field_of_mutation(
    perform: Callable[..., Awaitable[Any]],
    requirement: Requirement,
    input_type: type,
    payload: Any,
    description: str,
) -> Any:
    async def resolve(self: Any, info: Info, input: Any) -> Any:  # noqa: A002
        return await _performed_once(info, lambda: perform(info.context, to_inputs(input)))

    described = input_type.__strawberry_definition__.description  # type: ignore[attr-defined]
    resolve.__annotations__["input"] = Annotated[
        input_type, strawberry.argument(description=described)
    ]
    return fields.field(MutationField(perform, requirement), resolve, payload, description)


async def _performed_once(info: Info, perform: Callable[[], Awaitable[Any]]) -> Any:
    """The result, also if compiled execution has run this mutation, or its payload is read again."""
    ctx, key = info.context, info.path.key
    ctx.cause, ctx.field_key = info.field_name, str(key)
    if key not in ctx.mutation_results:
        try:
            ctx.mutation_results[key] = await perform()
        except Exception as error:
            ctx.mutation_results[key] = error
            raise
    result = ctx.mutation_results[key]
    if isinstance(result, Exception):
        raise result
    return result


def _told_what_to_do(ctx: OperationContext, unknown: OutcomeUnknown) -> OutcomeUnknown:
    """An error of GraphQL, and none of the payload, which says that nothing was changed."""
    return OutcomeUnknown(f"{unknown}: {LOOK if ctx.idempotency is None else REPEAT}")


def _webhook_mutation(rule: Rule, input_type: type, payload: type, description: str) -> Any:
    """Like `_mutation`, of what is no row of the registry; a filter is given to the rule as JSON."""
    requirement = permissions.requirement_of(rule)

    async def perform(ctx: OperationContext, input: Inputs) -> Any:  # noqa: A002
        try:
            requirement.check(ctx.viewer)
            if ctx.idempotency is not None:
                raise Refused([Problem(ErrorCode.INVALID, (), NO_KEY)])
            result = await rule(ctx, webhook_filters.with_json(input))
        except OutcomeUnknown as unknown:
            raise _told_what_to_do(ctx, unknown) from unknown
        except (Refused, Unavailable) as refused:
            return payload(errors=_errors(refused, "input"))
        return outgoing_webhooks.payload_of(payload, result)

    return _field_of_mutation(perform, requirement, input_type, payload, description)


_USED = references.of_input(inputs.RecordConnectionUseInput)


async def _count_uses(ctx: OperationContext, inputs: Sequence[Inputs]) -> ConnectionsPayload:
    try:
        permissions.requirement_of(connections.record_use).check(ctx.viewer)
        rows = await connections.record_use(ctx, await references.to_keys(ctx, inputs, _USED))
    except OutcomeUnknown as unknown:
        raise _told_what_to_do(ctx, unknown) from unknown
    except (Refused, Unavailable) as refused:
        return ConnectionsPayload(errors=_errors(refused, "inputs"))
    return ConnectionsPayload(connections=[fields.to_object(row) for row in rows])


async def _record_connection_use(
    self: Any,
    info: Info,
    inputs: Annotated[
        list[inputs.RecordConnectionUseInput],
        strawberry.argument(description="The uses of 1 to 100 connections"),
    ],
) -> Any:
    return await _performed_once(
        info, lambda: _count_uses(info.context, [to_inputs(use) for use in inputs])
    )


def _errors(refused: Refused | Unavailable, argument: str) -> list[UserError]:
    problems: Sequence[Problem] = (
        refused.problems
        if isinstance(refused, Refused)
        else [Problem(ErrorCode.UNAVAILABLE, (), str(refused))]
    )
    return [UserError.of(problem, argument) for problem in _first(problems)]


def _first(problems: Sequence[Problem]) -> Sequence[Problem]:
    """At most MAX_ERRORS of these problems; the last one then says how many more there are."""
    if len(problems) <= MAX_ERRORS:
        return problems
    kept = problems[: MAX_ERRORS - 1]
    more = f"there are {len(problems) - len(kept)} more problems: correct these first"
    return [*kept, Problem(ErrorCode.INVALID, (), more)]


@strawberry.type(
    description="Mutations of the registry, each in one transaction. Errors that the client can act on "
    "are in the payload's errors; then the object is null and nothing was changed"
)
class Mutation:
    register_actor = _mutation(
        actors.register, inputs.RegisterActorInput, ActorPayload, "Registers an actor"
    )
    update_actor = _mutation(
        actors.update,
        inputs.UpdateActorInput,
        ActorPayload,
        "Changes the fields of an actor that are sent",
    )
    suspend_actor = _mutation(
        actors.suspend,
        inputs.ActorRefInput,
        ActorPayload,
        "Suspends an actor: it cannot open connections or receive contexts until it is reinstated",
    )
    reinstate_actor = _mutation(
        actors.reinstate,
        inputs.ActorRefInput,
        ActorPayload,
        "Reinstates a suspended or deleted actor",
    )
    delete_actor = _mutation(
        actors.delete,
        inputs.DeleteActorInput,
        ActorPayload,
        "Soft-deletes an actor and disconnects its own connections. Fails with IN_USE if it owns "
        "contexts that are not deleted, unless they are transferred to another actor",
    )
    record_actor_seen = _mutation(
        actors.record_seen,
        inputs.RecordActorSeenInput,
        ActorPayload,
        "Records that an actor is active now, and counts the session if it began one",
    )
    create_context = _mutation(
        contexts.create, inputs.CreateContextInput, ContextPayload, "Creates a context"
    )
    update_context = _mutation(
        contexts.update,
        inputs.UpdateContextInput,
        ContextPayload,
        "Changes the fields of a context that are sent",
    )
    transfer_context = _mutation(
        contexts.transfer,
        inputs.TransferContextInput,
        ContextPayload,
        "Transfers a context to another actor",
    )
    delete_context = _mutation(
        contexts.delete,
        inputs.ContextRefInput,
        ContextPayload,
        "Soft-deletes a context and disconnects its connections. Its name stays reserved, so that it "
        "can be restored",
    )
    restore_context = _mutation(
        contexts.restore, inputs.ContextRefInput, ContextPayload, "Restores a deleted context"
    )
    record_installation = _mutation(
        installations.record,
        inputs.RecordInstallationInput,
        InstallationPayload,
        "Records a new installation, or updates the one with this installationId",
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
        "Marks an installation as removed",
    )
    open_connection = _mutation(
        connections.open, inputs.OpenConnectionInput, ConnectionPayload, "Opens a connection"
    )
    update_connection = _mutation(
        connections.update,
        inputs.UpdateConnectionInput,
        ConnectionPayload,
        "Changes the fields of a connection that are sent",
    )
    disconnect = _mutation(
        connections.disconnect,
        inputs.ConnectionRefInput,
        ConnectionPayload,
        "Disconnects a connection",
    )
    reconnect = _mutation(
        connections.reconnect,
        inputs.ConnectionRefInput,
        ConnectionPayload,
        "Makes a connection active again and clears its errors",
    )
    report_connection_health = _mutation(
        connections.report_health,
        inputs.ReportConnectionHealthInput,
        ConnectionPayload,
        "Records the health of a connection. Consecutive unhealthy reports mark it FAILED at a threshold"
        f" ({DEFAULT_POLICY.failure_threshold} by default); a healthy report clears them",
    )

    record_connection_use = fields.field(
        MutationField(_count_uses, permissions.requirement_of(connections.record_use)),
        _record_connection_use,
        ConnectionsPayload,
        "Adds to the request counts of connections: all of them or, if there is an error, none",
    )

    create_webhook = _webhook_mutation(
        webhook_rules.create,
        inputs.CreateWebhookInput,
        CreateWebhookPayload,
        "Makes an outgoing webhook, which gets every change from now on that its filter selects",
    )
    update_webhook = _webhook_mutation(
        webhook_rules.update,
        inputs.UpdateWebhookInput,
        OutgoingWebhookPayload,
        "Changes the URL or the filter of an outgoing webhook",
    )
    pause_webhook = _webhook_mutation(
        webhook_rules.pause,
        inputs.WebhookRefInput,
        OutgoingWebhookPayload,
        "Pauses an outgoing webhook: it sends nothing until it is resumed, and misses nothing",
    )
    resume_webhook = _webhook_mutation(
        webhook_rules.resume,
        inputs.WebhookRefInput,
        OutgoingWebhookPayload,
        "Resumes an outgoing webhook where it stopped, at once",
    )
    rotate_webhook_secret = _webhook_mutation(
        webhook_rules.rotate_secret,
        inputs.RotateWebhookSecretInput,
        RotateWebhookSecretPayload,
        "Makes a new secret for an outgoing webhook, which signs what it sends from now on",
    )
    delete_webhook = _webhook_mutation(
        webhook_rules.delete,
        inputs.WebhookRefInput,
        OutgoingWebhookPayload,
        "Deletes an outgoing webhook with its deliveries",
    )
    replay_webhook_delivery = _webhook_mutation(
        webhook_rules.replay,
        inputs.ReplayWebhookDeliveryInput,
        OutgoingDeliveryPayload,
        "Sends a change once more that was given up",
    )
