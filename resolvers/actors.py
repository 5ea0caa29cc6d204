"""The rules of actors, who own contexts and open connections."""

from collections.abc import Sequence

from db.commands import actors
from db.errors import ErrorCode, Problem, Refused
from db.model import tables
from db.model.enums import ActorType
from db.program import Program
from db.security.delegation import GRANTED, Powers
from resolvers import minting
from resolvers.operation_context import Given, OperationContext
from resolvers.permissions import Capability, takes
from resolvers.validation import validators
from resolvers.validation.input_checks import Checks

PROFILE = {
    "display_name": validators.text(200),
    "email": validators.email,
    "avatar_url": validators.url,
    "chitty_dna_id": validators.chitty_id,
    "chitty_auth_principal_id": validators.text(200),
}
LISTS = {"capabilities": validators.strings}
# What an actor may change of itself, and what takes more than REGISTRY_WRITE.
DISPLAY = ("display_name", "avatar_url")
FOR_ADMINS = ("chitty_auth_principal_id",)


@takes(Capability.REGISTRY_WRITE)
async def register(ctx: OperationContext, given: Given) -> tables.Actor:
    """Register an active actor, with the ChittyID given or a new one."""
    checks = Checks(given)
    chitty_id = checks.optional("chitty_id", validators.chitty_id)
    actor_type = checks.required("actor_type", validators.one_of(ActorType))
    profile = checks.changes(PROFILE, LISTS)
    checks.done()
    _check_fields(ctx, profile)
    _check_grants(ctx, profile.get("capabilities") or [])

    def insert(under: str) -> Program[tables.Actor]:
        return actors.insert(profile | {"chitty_id": under, "actor_type": actor_type})

    if chitty_id is not None:
        return await ctx.write(insert(chitty_id))
    return await minting.stored(ctx, "ACTOR", insert)


@takes(Capability.REGISTRY_WRITE, own="its own display name and avatar")
async def update(ctx: OperationContext, given: Given) -> tables.Actor:
    """Change what was given of an actor's profile."""
    checks = Checks(given)
    chitty_id, if_updated_at = checks.reference()
    changes = checks.changes(PROFILE, LISTS)
    checks.done()
    _check_fields(ctx, changes)
    return await ctx.write(actors.update(chitty_id, changes, if_updated_at, _powers(ctx)))


@takes(Capability.REGISTRY_WRITE)
async def suspend(ctx: OperationContext, given: Given) -> tables.Actor:
    """Suspend an actor: it opens nothing and is given nothing until it is reinstated."""
    checks = Checks(given)
    chitty_id, if_updated_at = checks.reference()
    checks.done()
    return await ctx.write(actors.suspend(chitty_id, if_updated_at, _powers(ctx)))


@takes(Capability.REGISTRY_WRITE)
async def reinstate(ctx: OperationContext, given: Given) -> tables.Actor:
    """Bring a suspended or a deleted actor back."""
    checks = Checks(given)
    chitty_id, if_updated_at = checks.reference()
    checks.done()
    return await ctx.write(actors.reinstate(chitty_id, if_updated_at, _powers(ctx)))


@takes(Capability.REGISTRY_WRITE)
async def delete(ctx: OperationContext, given: Given) -> tables.Actor:
    """Delete an actor softly, once its contexts are deleted or handed to another."""
    checks = Checks(given)
    chitty_id, if_updated_at = checks.reference()
    heir = checks.optional("transfer_contexts_to", validators.chitty_id)
    if heir is not None and heir == chitty_id:
        checks.refuse("transfer_contexts_to", "name another actor than the one to be deleted")
    checks.done()
    powers = _powers(ctx)
    return await ctx.write(
        actors.delete(chitty_id, if_updated_at, powers, transfer_contexts_to=heir)
    )


@takes(Capability.REGISTRY_WRITE, own="itself")
async def record_seen(ctx: OperationContext, given: Given) -> tables.Actor:
    """Note that an actor was there just now."""
    checks = Checks(given)
    chitty_id = checks.required("chitty_id", validators.chitty_id)
    new_session = checks.with_default("new_session", validators.flag, False)
    checks.done()
    return await ctx.write(actors.record_seen(chitty_id, new_session=new_session))


def _powers(ctx: OperationContext) -> Powers:
    """What the viewer may give and take away; nobody is held to it in open mode."""
    viewer = ctx.viewer
    return Powers(None if viewer.is_admin else viewer.held, keep_admin=viewer.actor is not None)


def _check_fields(ctx: OperationContext, changes: Given) -> None:
    """Raise Refused with FORBIDDEN at each field that takes a capability which the viewer lacks."""
    held = ctx.viewer.held
    problems = []
    for name in changes:
        needed = Capability.ADMIN if name in FOR_ADMINS else Capability.REGISTRY_WRITE
        if name not in DISPLAY and needed not in held:
            message = f"this field takes the capability {needed.value}"
            problems.append(Problem(ErrorCode.FORBIDDEN, (name,), message))
    if problems:
        raise Refused(problems)


def _check_grants(ctx: OperationContext, capabilities: Sequence[str]) -> None:
    """Raise Refused with FORBIDDEN where a new actor would get what the viewer does not hold."""
    viewer = ctx.viewer
    if not viewer.is_admin and (beyond := sorted(set(capabilities) - viewer.held)):
        raise Refused([GRANTED.problem(beyond[0])])
