"""Mutations of contexts, which actors own and which open connections."""

from db.commands import contexts
from db.model import tables
from db.model.enums import ContextStatus
from db.program import Program
from resolvers.operation_context import OperationContext
from resolvers.permissions import Capability, requires
from resolvers.validation import validators
from resolvers.validation.input_checks import InputChecks, Inputs

LINKS = {
    "chitty_dna_id": validators.chitty_id,
    "chitty_chronicle_timeline_id": validators.chitty_id,
}
LISTS = {
    "data": validators.string_list,
    "systems": validators.string_list,
    "tools": validators.string_list,
}


@requires(Capability.REGISTRY_WRITE, own="for itself")
async def create(ctx: OperationContext, inputs: Inputs) -> tables.Context:
    checks = InputChecks(inputs)
    chitty_id = checks.optional("chitty_id", validators.chitty_id)
    name = checks.required("name", validators.name)
    owner = checks.required("owner", validators.chitty_id_of_row)
    content = checks.changes(LINKS, LISTS)
    checks.raise_problems()

    def insert(chitty_id: str) -> Program[tables.Context]:
        identity = {"chitty_id": chitty_id, "name": name, "owner_chitty_id": owner}
        return contexts.insert(content | identity)

    if chitty_id is not None:
        return await ctx.write(insert(chitty_id))
    return await ctx.write_with_new_id("CONTEXT", insert)


@requires(Capability.REGISTRY_WRITE, own="its contexts")
async def update(ctx: OperationContext, inputs: Inputs) -> tables.Context:
    checks = InputChecks(inputs)
    chitty_id, if_updated_at = checks.reference()
    changes = checks.changes(LINKS, LISTS | {"name": validators.name})
    if "active" in inputs:
        active = checks.required("active", validators.boolean)
        changes["status"] = ContextStatus.ACTIVE if active else ContextStatus.INACTIVE
    checks.raise_problems()
    return await ctx.write(contexts.update(chitty_id, changes, if_updated_at))


@requires(Capability.REGISTRY_WRITE)
async def transfer(ctx: OperationContext, inputs: Inputs) -> tables.Context:
    checks = InputChecks(inputs)
    chitty_id, if_updated_at = checks.reference()
    new_owner = checks.required("new_owner", validators.chitty_id_of_row)
    checks.raise_problems()
    return await ctx.write(contexts.transfer(chitty_id, new_owner, if_updated_at))


@requires(Capability.REGISTRY_WRITE, own="its contexts")
async def delete(ctx: OperationContext, inputs: Inputs) -> tables.Context:
    checks = InputChecks(inputs)
    chitty_id, if_updated_at = checks.reference()
    checks.raise_problems()
    return await ctx.write(contexts.delete(chitty_id, if_updated_at))


@requires(Capability.REGISTRY_WRITE, own="its contexts")
async def restore(ctx: OperationContext, inputs: Inputs) -> tables.Context:
    checks = InputChecks(inputs)
    chitty_id, if_updated_at = checks.reference()
    checks.raise_problems()
    return await ctx.write(contexts.restore(chitty_id, if_updated_at))
