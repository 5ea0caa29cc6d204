"""Handing out API keys: to an actor that there is, or to a new one that is the registry's admin."""

from dataclasses import dataclass

from db.commands import actors
from db.model import column_types
from db.model.enums import ActorType
from db.model.tables import ACTORS
from db.program import Program
from db.queries import lookups
from db.security import api_keys as stored_keys
from db.security.api_keys import ApiKey
from resolvers.operation_context import OperationContext
from resolvers.permissions import ADMIN
from server.auth import api_keys
from server.auth.api_keys import Presented


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a key is to be; `expires_at` is a canonical instant, or None for a key that lasts."""

    label: str | None = None
    expires_at: str | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A key that was handed out: the text to keep, which nobody can tell again, and what is stored."""

    text: str
    stored: ApiKey


async def to_actor(
    ctx: OperationContext, actor: str, wanted: Wanted, *, as_admin: bool = False
) -> Issued:
    """Make a key for an active actor, which is given all rights with it `as_admin`.

    Raises Refused where there is no such actor or it is not active, Unreadable where what it holds is
    stored in no form that can be added to, and Unavailable where nothing can be written.
    """
    key = api_keys.new()

    def program() -> Program[ApiKey]:
        if as_admin:
            yield from _made_admin(actor)
        return (yield from _kept(key, actor, wanted))

    return Issued(api_keys.text(key), await ctx.write(program()))


async def to_new_admin(ctx: OperationContext, name: str, wanted: Wanted) -> Issued:
    """Register a human actor that may do everything, and make its key; both or neither.

    Raises Unavailable where nothing can be written, or no ChittyID is to be had.
    """
    key = api_keys.new()

    def program(chitty_id: str) -> Program[ApiKey]:
        values = {"actor_type": ActorType.HUMAN, "display_name": name, "capabilities": [ADMIN]}
        yield from actors.insert({**values, "chitty_id": chitty_id})
        return (yield from _kept(key, chitty_id, wanted))

    return Issued(api_keys.text(key), await ctx.write_with_new_id("ACTOR", program))


def _kept(key: Presented, actor: str, wanted: Wanted) -> Program[ApiKey]:
    return stored_keys.create(
        key.key_id,
        actor,
        api_keys.digest(key.secret),
        label=wanted.label,
        expires_at=wanted.expires_at,
    )


def _made_admin(actor: str) -> Program[None]:
    (found,) = yield from lookups.by_column(ACTORS, "chitty_id", [actor])
    if found is None:
        return  # whoever asked is told when the key is refused
    held = column_types.STRING_LIST.read(found.capabilities)
    if ADMIN not in held:
        yield from actors.update(actor, {"capabilities": [*held, ADMIN]})
