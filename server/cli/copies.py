"""What `backup` and `restore` say of the copy they made."""

from db.backup.backups import Copied
from db.model.tables import TABLES


def told(copied: Copied) -> str:
    """What a copy holds, for people."""
    counts = ", ".join(f"{copied.rows[table.name]:,} {table.name}" for table in TABLES)
    if not copied.dangling:
        return counts
    return f"{counts}; {copied.dangling:,} rows refer to one that is not there, as they did before"
