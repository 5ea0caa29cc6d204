"""Preconditions of writes, stated once: for the statement that writes and for the refusal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from db.errors import Problem
from db.program import Value


@dataclass(frozen=True, slots=True)
class Precondition:
    """`sql` is NULL if nothing forbids the write; otherwise `problem` makes the caller's problem from it."""

    sql: str
    problem: Callable[[str], Problem]

    def when(self, condition: str) -> "Precondition":
        return Precondition(f"CASE WHEN {condition} THEN {self.sql} END", self.problem)


def clear(preconditions: Sequence[Precondition]) -> str:
    """The SQL condition that nothing forbids the write."""
    return " AND ".join(f"({each.sql}) IS NULL" for each in preconditions) or "TRUE"


def problems(preconditions: Sequence[Precondition], reasons: Sequence[Value]) -> list[Problem]:
    return [
        each.problem(str(reason))
        for each, reason in zip(preconditions, reasons, strict=True)
        if reason is not None
    ]
