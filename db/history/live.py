"""What listeners read of the log of changes: what is retained, what is new, and what of it a viewer sees."""

from dataclasses import dataclass

from db.change_log import EXTENT, LogExtent
from db.model.tables import CHANGES
from db.program import Program, Statement, Values
from db.queries.conditions import Binder, Condition, to_sql

ENTRIES = """
    SELECT sequence, kind, key, operation FROM changes
    WHERE sequence > :after AND sequence <= :until ORDER BY sequence DESC LIMIT :most
"""
VISIBLE = """
    SELECT change.sequence FROM {changes} AS change
    WHERE change.sequence > :after AND change.sequence <= :until AND {condition}
    ORDER BY change.sequence LIMIT :most
"""


def newest_entries(after: int, until: int, most: int) -> Program[list[Values]]:
    """The sequence numbers, kinds, keys and operations of the changes after `after` up to `until`, in order.

    Of more than `most`, the newest.
    """
    (rows,) = yield [Statement(ENTRIES, {"after": after, "until": until, "most": most})]
    return rows[::-1]


@dataclass(frozen=True, slots=True)
class LogRange:
    """The changes after `after` up to `until` that meet a condition, `most` of them; see `visible`."""

    after: int
    until: int
    most: int
    where: Condition
    is_far: bool


def visible(wanted: LogRange) -> Program[tuple[LogExtent, list[int]]]:
    """The extent of the log, and the sequence numbers of the changes that the viewer sees, in order.

    If the range `is_far`, those of a viewer who sees few rows are found from these, as in lists: to look
    at each change would take longer the more others have written.
    """
    binder = Binder({"after": wanted.after, "until": wanted.until, "most": wanted.most})
    condition = to_sql(wanted.where, "change", binder)
    changes = CHANGES.listed if wanted.is_far else CHANGES.seen
    sql = VISIBLE.format(changes=changes, condition=condition)
    [row], rows = yield [Statement(EXTENT), Statement(sql, binder.bind)]
    before, newest = map(int, map(str, row))
    return LogExtent(before, newest), [int(str(sequence)) for (sequence,) in rows]
