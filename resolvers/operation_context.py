"""The context of one operation: its viewer, snapshot and loaders, and how it reads and writes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar

from db.attribution import Attribution
from db.commands import statements
from db.commands.kept_answers import Kept
from db.consistency import NOW, At
from db.database import Database, Session
from db.errors import NeedsThread, Overloaded, Problem, Refused
from db.program import ENOUGH_CREDIT, Program, ReadTimes, Usage, count_statements
from db.security import revalidation
from resolvers import minting
from resolvers.idempotency import IdempotentRequest
from resolvers.loaders import Loaders
from resolvers.minting import Mint
from resolvers.permissions import Viewer
from resolvers.policy import DEFAULT_POLICY, Policy

T = TypeVar("T")


@dataclass(eq=False)
class OperationContext:
    """The state of one operation; nothing in it outlives the operation or serves another viewer.

    An async context manager: leaving it releases the snapshot.
    """

    db: Database
    cursor_key: bytes
    viewer: Viewer
    policy: Policy = DEFAULT_POLICY
    mint: Mint = minting.mint_locally
    request_id: str | None = None
    cause: str = "chittygraph"  # of what is written: the mutation's field, or the command
    field_key: str = ""  # the response's key of the mutation that runs now
    idempotency: IdempotentRequest | None = None
    at: At = NOW  # the state that it reads; once it has written, one that has its writes
    mark: int = 0  # what Database.mark gave after its last write
    is_torn: bool = False  # whether its reads since the last write have seen different states
    # What generic execution has found out about nodes of the document, for all parents of a field.
    known_of_nodes: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    mutation_results: dict[str | int, Any] = field(default_factory=dict)
    # By loaders and rules; tasks of a compiled plan add theirs.
    usage: Usage = field(init=False, default_factory=Usage)
    _session: Session | None = field(init=False, default=None)
    _opening: asyncio.Lock | None = field(init=False, default=None)
    _refused: str | None = field(init=False, default=None)  # why it got no session
    _loaders: Loaders | None = field(init=False, default=None)
    _is_closed: bool = field(init=False, default=False)

    @property
    def loaders(self) -> Loaders:
        """Dataloaders for generic execution; compiled execution has none."""
        if self._loaders is None:
            self._loaders = Loaders(self.read, self.usage)
            if self._is_closed:  # a field that graphql-core gave up on is still running
                self._loaders.stop()
        return self._loaders

    @property
    def may_be_torn(self) -> bool:
        """Whether reads may see different states."""
        return self.db.has_copies

    async def read(self, program: Program[T]) -> T:
        session = await self._snapshot()
        result = await session.run(count_statements(program, self.usage))
        self.is_torn = self.is_torn or session.is_torn
        return result

    async def read_last(self, program: Program[T]) -> T:
        """Run a compiled plan's Program, which counts its own usage; on success, release the snapshot."""
        session = await self._snapshot()
        result = await session.run(program, last=True)
        self.is_torn = self.is_torn or session.is_torn
        return result

    async def read_few(self, program: Program[T]) -> T:
        """Run a compiled plan's Program that reads a few rows by key, in a snapshot of its own."""
        if self.db.has_copies:
            return await self.read_last(program)
        return await self.db.read(program, self.viewer.security, few=True, at=self.at)

    async def read_measured(self, start: Callable[[], Program[T]], times: ReadTimes) -> T:
        """Run a compiled plan's Program on the event loop if such reads are short, else like `read_last`.

        `start` makes the Program: a new one if the event loop gives the first one up.
        """
        if times.credit >= ENOUGH_CREDIT and not self.db.reads_long():
            statements, rows = self.usage.statements, self.usage.rows
            try:
                return await self.db.read_short(
                    times.measured(start()), self.viewer.security, at=self.at
                )
            except NeedsThread:
                times.credit -= ENOUGH_CREDIT
                self.usage.statements, self.usage.rows = statements, rows
        session = await self._snapshot()
        session.is_short = times.credit > 0
        result = await session.run(times.measured(start()), last=True)
        self.is_torn = self.is_torn or session.is_torn
        return result

    async def write(self, program: Program[T], *, unkept: Problem | None = None) -> T:
        """Run a Program in a transaction; later reads take a new snapshot and see its changes.

        Under an Idempotency-Key it runs once: what it returned is repeated, and what it refused but for the
        problem `unkept`. Raises what the Program raises, and Refused if the viewer has lost capabilities
        meanwhile.
        """
        if self.idempotency is None:
            return await self._write(program)
        outcome = await self._write_once(program, unkept)
        if not isinstance(outcome, Kept):
            return outcome
        (row,) = await self._repeat(outcome)
        result: T = row
        return result

    async def write_rows(self, program: Program[list[T]]) -> list[T]:
        """Like `write`, for a Program that returns the rows that it wrote, in any order."""
        if self.idempotency is None:
            return await self._write(program)
        outcome = await self._write_once(program)
        return await self._repeat(outcome) if isinstance(outcome, Kept) else outcome

    async def write_with_new_id(self, entity: str, store: Callable[[str], Program[T]]) -> T:
        """Run the Program that `store` makes for a new ChittyID; mints once more if the id is taken.

        Raises what the Program raises, and Unavailable if no unused id can be minted.
        """
        if (kept := self._answered()) is not None:
            (row,) = await self._repeat(kept)
            result: T = row
            return result

        async def attempt(chitty_id: str) -> T | None:
            # The client gave no ChittyID, so a problem with this one is not the client's.
            taken = statements.id_taken_problem(chitty_id)
            try:
                return await self.write(store(chitty_id), unkept=taken)
            except Refused as refused:
                others = [problem for problem in refused.problems if problem != taken]
                if others:
                    raise Refused(others) from None
                return None

        return await minting.with_new_id(self.mint, entity, attempt)

    async def _write(self, program: Program[T]) -> T:
        self.renew()
        writing, viewer = count_statements(program, self.usage), self.viewer
        if viewer.actor is not None:
            writing = revalidation.raising_if_lost(writing)
        attribution = Attribution(self.cause, viewer.actor, self.request_id)
        result = await self.db.write(
            writing, viewer.security, share=viewer.share, attribution=attribution
        )
        await self._see_writes()
        return result

    async def _see_writes(self) -> None:
        """Have later reads see what has been written, wherever they are made."""
        mark = await self.db.mark()
        if mark:  # 0 is of an engine that needs none
            self.mark, self.at = mark, replace(self.at, mark=max(mark, self.at.mark))

    async def _write_once(self, program: Program[T], unkept: Problem | None = None) -> T | Kept:
        assert self.idempotency is not None  # noqa: S101 - whoever calls has looked
        kept = self._answered()
        if kept is not None:
            return kept
        path = self.field_key
        return await self.idempotency.write_once(path, program, self._write, unkept)

    def _answered(self) -> Kept | None:
        return None if self.idempotency is None else self.idempotency.answered(self.field_key)

    async def _repeat(self, kept: Kept) -> list[Any]:
        assert self.idempotency is not None  # noqa: S101 - it has the answer
        self.renew()
        await (
            self._see_writes()
        )  # what is repeated may be what another process wrote, and this one saw
        return await self.idempotency.repeat(kept, self.read)

    def renew(self) -> None:
        """Let later reads take a new snapshot, and read everything again."""
        self._release()
        self._loaders = self._refused = None
        self.is_torn = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the snapshot, and stop loaders whose fields are still running."""
        self._is_closed = True
        self._release()

    async def _snapshot(self) -> Session:
        self._opening = self._opening or asyncio.Lock()
        async with self._opening:  # loaders run concurrently and share one snapshot
            if self._refused is not None:  # else each loader would wait for as long again
                raise Overloaded(self._refused)
            if self._session is None:
                try:
                    self._session = await self.db.borrow(
                        self.viewer.security, share=self.viewer.share, at=self.at
                    )
                except Overloaded as refused:
                    self._refused = str(refused)
                    raise
            return self._session

    def _release(self) -> None:
        if self._loaders is not None:
            self._loaders.stop()
        if self._session is not None:
            self.db.give_back(self._session)
            self._session = None
