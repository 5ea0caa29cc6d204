"""Mutations under an Idempotency-Key: the same request again gets the same answer, and writes nothing.

What is kept are the rows that a mutation wrote, as its viewer saw them, or why it was refused. The viewer's
rights come first: they are asked for again before an answer is repeated, and what is related to the rows is
read anew.
"""

import hashlib
import json
import secrets
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from db.commands import kept_answers
from db.commands.kept_answers import AlreadyAnswered, Claim, Kept, NothingWritten
from db.errors import ErrorCode, Problem, Refused
from db.program import Program
from resolvers.permissions import Viewer

T = TypeVar("T")

# Refusals that are decided anew each time: before anything is asked of the database, or by rights.
UNKEPT = {ErrorCode.INVALID, ErrorCode.LIMIT, ErrorCode.UNAVAILABLE, ErrorCode.FORBIDDEN}
NOT_REPEATED = "this request was answered before, but you may not see the whole answer any more"


class Run(Protocol):
    """Runs a Program in the viewer's name."""

    def __call__(self, program: Program[T], /) -> Awaitable[T]: ...


def fingerprint(
    key: str, document: str, operation: str | None, variables: Mapping[str, Any]
) -> str:
    """A digest of a request: of its document's digest, the operation's name and the variables.

    The key is in it, so that nobody who reads the database finds short variables by trying.
    """
    canonical = json.dumps([key, document, operation, variables], sort_keys=True)
    return _digest(canonical)


@dataclass(eq=False, slots=True)
class IdempotentRequest:
    """A request with a key; `kept` are the answers to its fields that were found when it began."""

    viewer: Viewer
    claim: Claim
    kept: dict[str, Kept] = field(default_factory=dict)

    @classmethod
    async def begin(cls, viewer: Viewer, key: str, request: str, read: Run) -> "IdempotentRequest":
        """Raises IdempotencyKeyReused if another request had the key, and what `read` raises.

        `request` is its fingerprint. In open mode all clients are one viewer, the operator.
        """
        held = json.dumps(sorted(viewer.effective_capabilities))
        claim = Claim(viewer.actor or "", _digest(key), request, None, "", held)
        return cls(viewer, claim, await read(kept_answers.find(claim)))

    def answered(self, path: str) -> Kept | None:
        """The kept answer to the field at this path of the response, which is its key."""
        return self.kept.get(_digest(path))

    async def write_once(
        self, path: str, program: Program[T], write: Run, unkept: Problem | None
    ) -> T | Kept:
        """Run a mutation's Program, and keep what it does; or the answer, if somebody was quicker.

        A refusal with the problem `unkept` is no answer. Raises like `kept_answers.once`.
        """
        claim = replace(self.claim, field=_digest(path), attempt=secrets.token_hex(16))
        try:
            return await write(kept_answers.once(program, claim))
        except AlreadyAnswered as before:
            return before.kept
        except NothingWritten as nothing:
            refused: Refused | None = nothing.refused
            row = nothing.row
            if refused is not None and _is_unkept(refused, unkept):
                raise refused from None
            answer = (
                kept_answers.of_row(nothing.table, row)
                if refused is None
                else kept_answers.of_refusal(refused.problems)
            )
        try:
            await write(kept_answers.keep(answer, claim))
        except AlreadyAnswered as before:
            return before.kept
        if refused is not None:
            raise refused
        result: T = row
        return result

    async def repeat(self, kept: Kept, read: Run) -> list[Any]:
        """The rows of a kept answer as the viewer may see them now.

        Raises Refused as the mutation did, or with FORBIDDEN if the viewer has lost rights to them.
        """
        outcome = kept_answers.read(kept.answer)
        if kept.capabilities <= self.viewer.effective_capabilities and outcome is not None:
            if isinstance(outcome, tuple):
                rows = await read(kept_answers.still_seen(*outcome))
                if rows is not None:
                    return rows
            elif await read(kept_answers.still_authorized()):
                raise Refused(outcome)
        raise Refused([Problem(ErrorCode.FORBIDDEN, (), NOT_REPEATED)])


def _is_unkept(refused: Refused, unkept: Problem | None) -> bool:
    return any(each == unkept or each.code in UNKEPT for each in refused.problems)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
