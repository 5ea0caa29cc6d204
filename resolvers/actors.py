"""Mutations of actors, which own contexts and open connections."""

from collections.abc import Sequence

from db.commands import actors
from db.errors import ErrorCode, Problem, Refused
from db.model import tables
from db.model.enums import ActorType
from db.program import Program
from db.security.delegation import GRANTED, Delegation
from resolvers.operation_context import OperationContext
from resolvers.permissions import Capability, requires
from resolvers.validation import validators
from resolvers.validation.input_checks import InputChecks, Inputs

PROFILE = {
    "display_name": validators.text(200),
    "email": validators.email,
    "avatar_url": validators.url,
    "chitty_dna_id": validators.chitty_id,
    "chitty_auth_principal_id": validators.text(200),
}
LISTS = {"capabilities": validators.string_list}
# What actors may change of themselves, and what only admins may change.
DISPLAY = ("display_name", "avatar_url")
FOR_ADMINS = ("chitty_auth_principal_id",)


@requires(Capability.REGISTRY_WRITE)
async def register(ctx: OperationContext, inputs: Inputs) -> tables.Actor:
    checks = InputChecks(inputs)
    chitty_id = checks.optional("chitty_id", validators.chitty_id)
    actor_type = checks.required("actor_type", validators.one_of(ActorType))
    profile = checks.changes(PROFILE, LISTS)
    checks.raise_problems()
    _check_fields(ctx, profile)
    _check_grants(ctx, profile.get("capabilities") or [])

    def insert(chitty_id: str) -> Program[tables.Actor]:
        return actors.insert(profile | {"chitty_id": chitty_id, "actor_type": actor_type})

    if chitty_id is not None:
        return await ctx.write(insert(chitty_id))
    return await ctx.write_with_new_id("ACTOR", insert)


@requires(Capability.REGISTRY_WRITE, own="its own display name and avatar")
async def update(ctx: OperationContext, inputs: Inputs) -> tables.Actor:
    checks = InputChecks(inputs)
    chitty_id, if_updated_at = checks.reference()
    changes = checks.changes(PROFILE, LISTS)
    checks.raise_problems()
    _check_fields(ctx, changes)
    return await ctx.write(actors.update(chitty_id, changes, if_updated_at, _delegation(ctx)))


@requires(Capability.REGISTRY_WRITE)
async def suspend(ctx: OperationContext, inputs: Inputs) -> tables.Actor:
    checks = InputChecks(inputs)
    chitty_id, if_updated_at = checks.reference()
    checks.raise_problems()
    return await ctx.write(actors.suspend(chitty_id, if_updated_at, _delegation(ctx)))


@requires(Capability.REGISTRY_WRITE)
async def reinstate(ctx: OperationContext, inputs: Inputs) -> tables.Actor:
    checks = InputChecks(inputs)
    chitty_id, if_updated_at = checks.reference()
    checks.raise_problems()
    return await ctx.write(actors.reinstate(chitty_id, if_updated_at, _delegation(ctx)))


@requires(Capability.REGISTRY_WRITE)
async def delete(ctx: OperationContext, inputs: Inputs) -> tables.Actor:
    """Soft-delete an actor; fails while it owns contexts, unless this mutation transfers them."""
    checks = InputChecks(inputs)
    chitty_id, if_updated_at = checks.reference()
    new_owner = checks.optional("transfer_contexts_to", validators.chitty_id_of_row)
    if new_owner is not None and new_owner == chitty_id:
        checks.add_problem("transfer_contexts_to", "must be another actor than the deleted one")
    checks.raise_problems()
    delegation = _delegation(ctx)
    return await ctx.write(
        actors.delete(chitty_id, if_updated_at, delegation, transfer_contexts_to=new_owner)
    )


@requires(Capability.REGISTRY_WRITE, own="itself")
async def record_seen(ctx: OperationContext, inputs: Inputs) -> tables.Actor:
    checks = InputChecks(inputs)
    chitty_id = checks.required("chitty_id", validators.chitty_id_of_row)
    new_session = checks.with_default("new_session", validators.boolean, False)
    checks.raise_problems()
    return await ctx.write(actors.record_seen(chitty_id, new_session=new_session))


def _delegation(ctx: OperationContext) -> Delegation:
    """The capabilities that the viewer may grant and revoke: all of them in open mode."""
    viewer = ctx.viewer
    held = None if viewer.is_admin else viewer.effective_capabilities
    return Delegation(held, keep_admin=viewer.actor is not None)


def _check_fields(ctx: OperationContext, changes: Inputs) -> None:
    held = ctx.viewer.effective_capabilities
    problems = []
    for name in changes:
        needed = Capability.ADMIN if name in FOR_ADMINS else Capability.REGISTRY_WRITE
        if name not in DISPLAY and needed not in held:
            message = f"this field requires the capability {needed.value}"
            problems.append(Problem(ErrorCode.FORBIDDEN, (name,), message))
    if problems:
        raise Refused(problems)


def _check_grants(ctx: OperationContext, capabilities: Sequence[str]) -> None:
    viewer = ctx.viewer
    if not viewer.is_admin and (
        beyond := sorted(set(capabilities) - viewer.effective_capabilities)
    ):
        raise Refused([GRANTED.problem(beyond[0])])
