"""Which changes are retained, and how many there are, without counting them.

Up to the checkpoint's sequence number, `changes` has bases only: the state of rows at the cut, which later
changes build on. They are no changes that anybody made, so lists, cursors and subscriptions leave them out.
"""

from dataclasses import dataclass

from db.model.retention import LAST_PRUNED, NEWEST_CHANGE
from db.program import Program, Statement

RETAINED = f"{{change}}.sequence > {LAST_PRUNED}"
"""SQL: a row of `changes` with the alias `{change}` is retained, not the base of a row."""

GROWTH = f"""
    SELECT {NEWEST_CHANGE},
        {LAST_PRUNED},
        coalesce((SELECT max(removed) FROM checkpoint), 0),
        (SELECT at FROM changes WHERE sequence > {LAST_PRUNED} ORDER BY sequence LIMIT 1),
        (SELECT at FROM checkpoint)
"""


@dataclass(frozen=True, slots=True)
class Growth:
    """How many changes are retained, are bases or were removed, and since when."""

    changes: int
    bases: int
    removed: int
    oldest_at: str | None
    pruned_at: str | None


def growth() -> Program[Growth]:
    (((newest, pruned, removed, oldest_at, pruned_at),),) = yield [Statement(GROWTH)]
    last, cut, gone = int(str(newest)), int(str(pruned)), int(str(removed))
    return Growth(
        changes=last - cut,
        bases=cut - gone,
        removed=gone,
        oldest_at=None if oldest_at is None else str(oldest_at),
        pruned_at=None if pruned_at is None else str(pruned_at),
    )
