"""Counts the rows of the tables that grow, soft-deleted ones included."""

from db.model.tables import TABLES
from db.program import Program, Statement

COUNT = "SELECT count(*) AS rows FROM {table}"
COUNTED = (*(table.name for table in TABLES), "webhook_deliveries", "idempotent_answers")


def count() -> Program[dict[str, int]]:
    """Rows by table."""
    found = yield [Statement(COUNT.format(table=name)) for name in COUNTED]
    return {name: int(str(rows[0][0])) for name, rows in zip(COUNTED, found, strict=True)}
