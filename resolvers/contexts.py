"""The rules of contexts, which actors own and which open connections."""

from db.commands import contexts
from db.model import tables
from db.model.enums import ContextStatus
from db.program import Program
from resolvers import minting
from resolvers.operation_context import Given, OperationContext
from resolvers.permissions import Capability, takes
from resolvers.validation import validators
from resolvers.validation.input_checks import Checks

LINKS = {
    "chitty_dna_id": validators.chitty_id,
    "chitty_chronicle_timeline_id": validators.chitty_id,
}
LISTS = {"data": validators.strings, "systems": validators.strings, "tools": validators.strings}


@takes(Capability.REGISTRY_WRITE, own="for itself")
async def create(ctx: OperationContext, given: Given) -> tables.Context:
    """Create an active context, with the ChittyID given or a new one."""
    checks = Checks(given)
    chitty_id = checks.optional("chitty_id", validators.chitty_id)
    name = checks.required("name", validators.name)
    owner = checks.required("owner", validators.chitty_id)
    content = checks.changes(LINKS, LISTS)
    checks.done()

    def insert(under: str) -> Program[tables.Context]:
        identity = {"chitty_id": under, "name": name, "owner_chitty_id": owner}
        return contexts.insert(content | identity)

    if chitty_id is not None:
        return await ctx.write(insert(chitty_id))
    return await minting.stored(ctx, "CONTEXT", insert)


@takes(Capability.REGISTRY_WRITE, own="its contexts")
async def update(ctx: OperationContext, given: Given) -> tables.Context:
    """Change what was given of a context that is not deleted."""
    checks = Checks(given)
    chitty_id, if_updated_at = checks.reference()
    changes = checks.changes(LINKS, LISTS | {"name": validators.name})
    if "active" in given:
        active = checks.required("active", validators.flag)
        changes["status"] = ContextStatus.ACTIVE if active else ContextStatus.INACTIVE
    checks.done()
    return await ctx.write(contexts.update(chitty_id, changes, if_updated_at))


@takes(Capability.REGISTRY_WRITE)
async def transfer(ctx: OperationContext, given: Given) -> tables.Context:
    """Hand a context to another active actor."""
    checks = Checks(given)
    chitty_id, if_updated_at = checks.reference()
    new_owner = checks.required("new_owner", validators.chitty_id)
    checks.done()
    return await ctx.write(contexts.transfer(chitty_id, new_owner, if_updated_at))


@takes(Capability.REGISTRY_WRITE, own="its contexts")
async def delete(ctx: OperationContext, given: Given) -> tables.Context:
    """Delete a context softly, and disconnect what it has open."""
    checks = Checks(given)
    chitty_id, if_updated_at = checks.reference()
    checks.done()
    return await ctx.write(contexts.delete(chitty_id, if_updated_at))


@takes(Capability.REGISTRY_WRITE, own="its contexts")
async def restore(ctx: OperationContext, given: Given) -> tables.Context:
    """Bring a deleted context back, without its connections."""
    checks = Checks(given)
    chitty_id, if_updated_at = checks.reference()
    checks.done()
    return await ctx.write(contexts.restore(chitty_id, if_updated_at))
