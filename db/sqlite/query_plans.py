"""SQLite's query plans of statements."""

from collections.abc import Sequence

from db.program import Program, Rows, Statement

EXPLAIN = "EXPLAIN QUERY PLAN {sql}"


def of(statements: Sequence[Statement]) -> Program[list[list[str]]]:
    """The steps of each statement's plan, in order; two spaces indent those of a subquery."""
    plans = yield [Statement(EXPLAIN.format(sql=each.sql), each.bind) for each in statements]
    return [_indented(steps) for steps in plans]


def _indented(steps: Rows) -> list[str]:
    depths: dict[object, int] = {}
    lines = []
    for step, parent, _, detail in steps:
        depths[step] = depths.get(parent, -1) + 1
        lines.append("  " * depths[step] + str(detail))
    return lines
