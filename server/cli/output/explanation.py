"""How `explain` describes the execution of a query, as text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resolvers.recording_context import RecordingContext
    from schema.execution.executor import OperationResult

MOST_BINDS = 500  # characters


@dataclass(frozen=True, slots=True)
class ExplainedStatement:
    """A statement that ran: the number of its batch, from 1, of its rows, and the steps of its plan."""

    batch: int
    rows: int
    sql: str
    bind: str
    steps: Sequence[str]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a query did; without a `fallback_reason` it was compiled."""

    name: str | None
    fallback_reason: str | None
    errors: Sequence[str]
    statements: Sequence[ExplainedStatement]

    @property
    def execution(self) -> str:
        why = self.fallback_reason
        return f"generic ({why})" if why else "compiled"


def of(
    name: str | None,
    result: "OperationResult",
    ctx: "RecordingContext",
    plans: Sequence[Sequence[str]],
) -> Explanation:
    """What the context recorded; `plans` has the steps of each of its statements."""
    statements = []
    for recorded, steps in zip(ctx.recorded, plans, strict=True):
        sql, binds = ctx.viewer.security.of(recorded.statement)
        bind = json.dumps(dict(binds), default=str, ensure_ascii=False)
        bind = bind if len(bind) <= MOST_BINDS else bind[:MOST_BINDS] + "…"
        statements.append(ExplainedStatement(recorded.batch, recorded.rows, sql, bind, steps))
    errors = [error.message for error in result.errors]
    return Explanation(name, result.fallback_reason, errors, statements)


def text(explained: Explanation) -> str:
    lines = [f"execution: {explained.execution}"]
    lines += [f"error: {error}" for error in explained.errors]
    lines.append(f"statements: {len(explained.statements)}")
    for number, statement in enumerate(explained.statements, 1):
        lines += [
            "",
            f"{number}. batch: {statement.batch}, rows: {statement.rows}",
            statement.sql,
            f"   with {statement.bind}",
            "   plan:",
            *(f"     {step}" for step in statement.steps),
        ]
    return "\n".join(lines)
