"""How `backup` and `restore` describe the copy that they made."""

from db.backup.backups import CopySummary
from db.model.tables import TABLES


def describe(copied: CopySummary) -> str:
    counts = ", ".join(
        f"{copied.rows[table.name]:,} {table.name}" for table in TABLES if table.name in copied.rows
    )
    if not copied.dangling:
        return counts
    return f"{counts}; {copied.dangling:,} rows refer to a missing one, as they did before"
