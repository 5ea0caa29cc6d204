"""How SQLite means to carry a statement out, for whoever has a sight."""

import sqlite3

from db.program import Statement
from db.security.row_security import UNRESTRICTED, RowSecurity


def plan(
    connection: sqlite3.Connection, statement: Statement, security: RowSecurity = UNRESTRICTED
) -> list[str]:
    """The steps, as EXPLAIN QUERY PLAN has them."""
    sql, bind = security.of(statement)
    steps = connection.execute(f"EXPLAIN QUERY PLAN {sql}", bind)
    return [detail for _, _, _, detail in steps]
