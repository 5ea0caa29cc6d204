"""New ChittyIDs: the interface of whatever mints them, and the retry when one is taken."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from db.errors import Unavailable
from db.model import chitty_id

T = TypeVar("T")

Mint: TypeAlias = Callable[[str], Awaitable[str]]
"""Mints a ChittyID for a type of entity (as ACTOR); raises Unavailable if it cannot now, or MintRefused."""


class MintRefused(Unavailable):
    """Raised if ids are refused, whoever asks, until somebody changes a setting: `reason` says why."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


ATTEMPTS = 2

log = logging.getLogger(__name__)


async def mint_locally(entity: str) -> str:
    return chitty_id.local(entity)


async def with_new_id(mint: Mint, entity: str, store: Callable[[str], Awaitable[T | None]]) -> T:
    """Call `store` with a new ChittyID, and once more with another if it returns None (the id is taken).

    Raises Unavailable if no id can be minted, or the second one is taken too.
    """
    for _ in range(ATTEMPTS):
        result = await store(await mint(entity))
        if result is not None:
            return result
        log.warning("minted chitty id is taken", extra={"entity": entity})
    raise Unavailable(
        "the identity authority mints ChittyIDs that are taken here: try again, or give one"
    )
