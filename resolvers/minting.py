"""New ChittyIDs: who is asked for one, and rows that are stored under one."""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from db.commands import statements
from db.errors import Refused, Unavailable
from db.model import chitty_id
from db.program import Program

if TYPE_CHECKING:
    from resolvers.operation_context import OperationContext

T = TypeVar("T")

Mint: TypeAlias = Callable[[str], Awaitable[str]]
"""Has a ChittyID of a type (as ACTOR) minted; raises Unavailable when none is to be had now."""

TRIES = 2

log = logging.getLogger(__name__)


async def local(kind: str) -> str:
    """A ChittyID made here, for where no authority is asked."""
    return chitty_id.local(kind)


async def under_new_id(mint: Mint, kind: str, store: Callable[[str], Awaitable[T | None]]) -> T:
    """What `store` makes of a new ChittyID; where it makes None, the id is taken and another asked for.

    Raises Unavailable when that is taken too, and when there is none to be had.
    """
    for _ in range(TRIES):
        found = await store(await mint(kind))
        if found is not None:
            return found
        log.warning("minted chitty id taken", extra={"kind": kind})
    raise Unavailable(
        "the identity authority mints ChittyIDs that are taken here: try again, or give one"
    )


async def stored(ctx: "OperationContext", kind: str, store: Callable[[str], Program[T]]) -> T:
    """The row that a Program stores under a ChittyID minted for it.

    Raises what the Program raises, except Refused for an id that is taken: then another is minted.
    Raises Unavailable when none is to be had, or the next is taken too.
    """

    async def attempt(minted: str) -> T | None:
        try:
            return await ctx.write(store(minted))
        except Refused as refused:
            # The caller gave no ChittyID: what is wrong with this one is none of its business.
            others = [each for each in refused.problems if each != statements.id_taken(minted)]
            if others:
                raise Refused(others) from None
            return None

    return await under_new_id(ctx.mint, kind, attempt)
