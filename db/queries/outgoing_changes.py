"""Finds the next change that an outgoing webhook selects, by a walk along the log of changes."""

from db.change_log import NEWEST
from db.model.tables import CHANGES
from db.program import Program, Statement
from db.queries.conditions import Binder, Condition, to_sql

WINDOW = 2_000
"""Changes that one statement looks at, so that none takes long however few a filter selects."""

_NEXT = f"""
    SELECT change.sequence FROM {CHANGES.seen} AS change
    WHERE change.sequence > :after AND change.sequence <= :last AND {{condition}}
    ORDER BY change.sequence LIMIT 1
"""


def next_selected(where: Condition, after: int) -> Program[tuple[int | None, int]]:
    """The sequence of the next change that the viewer sees and that is selected, if it is near.

    And how far no other one is.
    """
    binder = Binder({"after": after, "last": after + WINDOW})
    condition = to_sql(where, "change", binder)
    found, ((newest,),) = yield [
        Statement(_NEXT.format(condition=condition), binder.bind),
        Statement(NEWEST),
    ]
    if found:
        sequence = int(str(found[0][0]))
        return sequence, sequence
    return None, min(after + WINDOW, max(after, int(str(newest))))
