"""Histories that were pruned in part."""

from db.history.pruning import Pace, prune_portion
from db.sqlite.database import SQLiteDatabase


async def prune_some(db: SQLiteDatabase, before: str, *, most: int, portions: int) -> None:
    """Cut so many portions of at most so many changes."""
    pace = Pace(most)
    for _ in range(portions):
        await prune_portion(db, before, pace)
