"""What one operation carries: who asks, the snapshot it reads from, its loaders, and how it writes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self, TypeAlias, TypeVar

from db.program import Program, Spent, counted
from db.security import revalidation
from db.sqlite.database import Database
from db.sqlite.reader_pool import Session
from resolvers import minting, permissions
from resolvers.loaders import Loaders
from resolvers.minting import Mint
from resolvers.permissions import Viewer
from resolvers.policy import DEFAULT_POLICY, Policy

T = TypeVar("T")

Given: TypeAlias = Mapping[str, Any]
"""A mutation's input: the fields that the client gave, in Python's spelling and types."""


@dataclass(eq=False)
class OperationContext:
    """One operation's. Nothing in it outlives the operation or is seen by another viewer.

    Use it as an async context manager: leaving it lets the snapshot go.
    """

    db: Database
    cursor_key: bytes
    viewer: Viewer
    policy: Policy = DEFAULT_POLICY
    mint: Mint = minting.local
    selections: dict[tuple[Any, ...], bool] = field(default_factory=dict)
    performed: dict[str | int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin without a snapshot; the first read takes one."""
        self._session: Session | None = None
        self._opening: asyncio.Lock | None = None
        self._loaders: Loaders | None = None
        self._is_over = False
        self.spent = Spent()  # what loaders and rules take is counted here, a plan's by its tasks

    @property
    def loaders(self) -> Loaders:
        """The operation's loaders, which only the generic road asks for."""
        if self._loaders is None:
            self._loaders = Loaders(self.read, self.spent)
            if self._is_over:  # a field that was given up, and runs on
                self._loaders.stop()
        return self._loaders

    async def read(self, program: Program[T]) -> T:
        """Run a Program in the operation's snapshot."""
        return await (await self._snapshot()).run(counted(program, self.spent))

    async def read_last(self, program: Program[T]) -> T:
        """Run a plan's Program, which counts what it takes, and end the snapshot unless it raises."""
        return await (await self._snapshot()).run(program, last=True)

    def read_at_once(self, program: Program[T]) -> T:
        """Run a plan's Program that reads a few rows by key, in a snapshot of its own, at once."""
        return self.db.read_at_once(program, self.viewer.security)

    async def write(self, program: Program[T]) -> T:
        """Run a Program in a transaction; what is read afterwards is read anew and sees it.

        Raises what the Program raises, and Refused where the viewer has lost rights meanwhile.
        """
        self.renew()
        writing, viewer = counted(program, self.spent), self.viewer
        if viewer.actor is not None:
            keeps = partial(permissions.keeps, viewer)
            writing = revalidation.checked(writing, viewer.actor, viewer.key_id, keeps)
        return await self.db.write(writing, viewer.security)

    async def _snapshot(self) -> Session:
        self._opening = self._opening or asyncio.Lock()
        async with self._opening:  # loaders read at the same time, from one snapshot
            if self._session is None:
                self._session = await self.db.borrow(self.viewer.security)
            return self._session

    def renew(self) -> None:
        """Forget what was read: the next read takes a new snapshot."""
        self._let_go()
        self._loaders = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_over = True
        self._let_go()

    def _let_go(self) -> None:
        if self._loaders is not None:
            self._loaders.stop()
        if self._session is not None:
            self.db.give_back(self._session)
            self._session = None
