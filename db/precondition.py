"""A reason that may forbid a write, stated once: for the statement that writes and for the refusal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from db.errors import Problem
from db.program import Value


@dataclass(frozen=True, slots=True)
class Precondition:
    """One thing that may forbid a write.

    `sql` is an expression that is NULL if nothing forbids the write and names the reason otherwise;
    `problem` turns the reason into the problem that the caller gets.
    """

    sql: str
    problem: Callable[[str], Problem]

    def when(self, condition: str) -> "Precondition":
        """The same precondition, required only where this SQL condition holds."""
        return Precondition(f"CASE WHEN {condition} THEN {self.sql} END", self.problem)


def clear(preconditions: Sequence[Precondition]) -> str:
    """The SQL condition that nothing forbids the write."""
    return " AND ".join(f"({each.sql}) IS NULL" for each in preconditions) or "TRUE"


def problems(preconditions: Sequence[Precondition], reasons: Sequence[Value]) -> list[Problem]:
    """The problems for the reasons that a statement found, one for each precondition."""
    return [
        each.problem(str(reason))
        for each, reason in zip(preconditions, reasons, strict=True)
        if reason is not None
    ]
