"""The rules of actors, who own contexts and open connections."""

from db import actors, tables
from db.enums import ActorType
from db.program import Program
from resolvers import minting, shapes
from resolvers.checks import Checks
from resolvers.scope import Given, Scope

PROFILE = {
    "display_name": shapes.text(200),
    "email": shapes.email,
    "avatar_url": shapes.url,
    "chitty_dna_id": shapes.chitty_id,
    "chitty_auth_principal_id": shapes.text(200),
}
LISTS = {"capabilities": shapes.strings}


async def register(scope: Scope, given: Given) -> tables.Actor:
    """Register an active actor, with the ChittyID given or a new one."""
    checks = Checks(given)
    chitty_id = checks.optional("chitty_id", shapes.chitty_id)
    actor_type = checks.required("actor_type", shapes.one_of(ActorType))
    profile = checks.changes(PROFILE, LISTS)
    checks.done()

    def insert(under: str) -> Program[tables.Actor]:
        return actors.insert(profile | {"chitty_id": under, "actor_type": actor_type})

    if chitty_id is not None:
        return await scope.write(insert(chitty_id))
    return await minting.stored(scope, "ACTOR", insert)


async def update(scope: Scope, given: Given) -> tables.Actor:
    """Change what was given of an actor's profile."""
    checks = Checks(given)
    chitty_id, if_updated_at = checks.reference()
    changes = checks.changes(PROFILE, LISTS)
    checks.done()
    return await scope.write(actors.update(chitty_id, changes, if_updated_at))


async def suspend(scope: Scope, given: Given) -> tables.Actor:
    """Suspend an actor: it opens nothing and is given nothing until it is reinstated."""
    checks = Checks(given)
    chitty_id, if_updated_at = checks.reference()
    checks.done()
    return await scope.write(actors.suspend(chitty_id, if_updated_at))


async def reinstate(scope: Scope, given: Given) -> tables.Actor:
    """Bring a suspended or a deleted actor back."""
    checks = Checks(given)
    chitty_id, if_updated_at = checks.reference()
    checks.done()
    return await scope.write(actors.reinstate(chitty_id, if_updated_at))


async def delete(scope: Scope, given: Given) -> tables.Actor:
    """Delete an actor softly, once its contexts are deleted or handed to another."""
    checks = Checks(given)
    chitty_id, if_updated_at = checks.reference()
    heir = checks.optional("transfer_contexts_to", shapes.chitty_id)
    if heir is not None and heir == chitty_id:
        checks.refuse("transfer_contexts_to", "name another actor than the one to be deleted")
    checks.done()
    return await scope.write(actors.delete(chitty_id, if_updated_at, transfer_contexts_to=heir))


async def record_seen(scope: Scope, given: Given) -> tables.Actor:
    """Note that an actor was there just now."""
    checks = Checks(given)
    chitty_id = checks.required("chitty_id", shapes.chitty_id)
    new_session = checks.with_default("new_session", shapes.flag, False)
    checks.done()
    return await scope.write(actors.record_seen(chitty_id, new_session=new_session))
