"""Issues API keys: to an existing actor, or to a new one that administers the registry."""

from dataclasses import dataclass

from db.commands import issued_keys
from db.errors import Unreadable
from db.model import column_types
from db.model.enums import ActorType
from db.model.tables import ACTORS, Actor
from db.program import Program
from db.queries import lookups
from db.security import api_keys as stored_keys
from db.security.api_keys import ApiKey, NewKey
from resolvers.operation_context import OperationContext
from resolvers.permissions import ADMIN
from server.auth import api_keys
from server.auth.api_keys import PresentedKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOptions:
    """`expires_at` is a canonical instant; None means that the key never expires."""

    label: str | None = None
    expires_at: str | None = None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key: its text, which is shown once and never stored, and what is stored of it."""

    text: str
    stored: ApiKey


async def to_actor(
    ctx: OperationContext, actor: str, options: KeyOptions, *, grant_admin: bool = False
) -> IssuedKey:
    """Issue a key to an active actor; with `grant_admin` the actor gets all permissions, too.

    Raises Refused for a missing or inactive actor, Unreadable for invalid capabilities, and Unavailable.
    """
    key = api_keys.generate()
    new = _new(key, actor, options)
    row = (
        (await ctx.read(lookups.by_column(ACTORS, "chitty_id", [actor])))[0]
        if grant_admin
        else None
    )
    # Storing the key for an actor that is missing fails, and says so.
    held = [] if row is None else _capabilities_of(row)
    if row is None or ADMIN in held:
        return IssuedKey(key.text(), await ctx.write(stored_keys.create(new)))
    granting = issued_keys.create_and_grant(new, row.capabilities, [*held, ADMIN])
    return IssuedKey(key.text(), await ctx.write(granting))


async def to_new_admin(ctx: OperationContext, name: str, options: KeyOptions) -> IssuedKey:
    """Create a human actor with all permissions and its key, in one transaction. Raises Unavailable."""
    key = api_keys.generate()

    def program(chitty_id: str) -> Program[ApiKey]:
        values = {"actor_type": ActorType.HUMAN, "display_name": name, "capabilities": [ADMIN]}
        new = _new(key, chitty_id, options)
        return issued_keys.create_with_actor({**values, "chitty_id": chitty_id}, new)

    return IssuedKey(key.text(), await ctx.write_with_new_id("ACTOR", program))


def _new(key: PresentedKey, actor: str, options: KeyOptions) -> NewKey:
    digest = api_keys.digest(key.secret)
    return NewKey(key.key_id, actor, digest, options.label, options.expires_at)


def _capabilities_of(row: Actor) -> list[str]:
    try:
        return [*column_types.STRING_LIST.read(row.capabilities)]
    except Unreadable as unreadable:
        raise Unreadable(f"{ACTORS.place(row)}: capabilities: {unreadable}") from None
