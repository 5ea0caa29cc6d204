"""The triggers that let nobody update or delete a change, and how pruning and erasing lift them.

They are lifted for the statements of one batch, which every engine runs in one transaction: nobody else ever
sees the history without them.
"""

from collections.abc import Iterable

from db.program import Statement

# As the migration made them, to the letter.
UPDATES = """\
CREATE TRIGGER changes_are_not_updated BEFORE UPDATE ON changes
BEGIN
    SELECT RAISE(ABORT, 'the history is appended to only: a change is never updated');
END"""
DELETIONS = """\
CREATE TRIGGER changes_are_not_deleted BEFORE DELETE ON changes
BEGIN
    SELECT RAISE(ABORT, 'the history is appended to only: use chittygraph audit prune');
END"""
APPENDING = ("changes_are_appended", "changes_are_numbered")
LIFTED = ("changes_are_not_updated", "changes_are_not_deleted")
LIFT = tuple(f"DROP TRIGGER IF EXISTS {name}" for name in LIFTED)
RESTORE = (UPDATES, DELETIONS)
NAMES = (*APPENDING, *LIFTED)


def lifted(statements: Iterable[Statement]) -> list[Statement]:
    """A batch that runs these statements with the triggers lifted."""
    return [*map(Statement, LIFT), *statements, *map(Statement, RESTORE)]
