"""How SQLite means to carry a statement out, for whoever has a sight."""

import itertools
import sqlite3

from db.program import Statement
from db.security.row_security import UNRESTRICTED, RowSecurity

_NUMBERS = itertools.count()


def plan(
    connection: sqlite3.Connection, statement: Statement, security: RowSecurity = UNRESTRICTED
) -> list[str]:
    """The steps, as EXPLAIN QUERY PLAN has them."""
    sql, bind = security.of(statement)
    # A compiled EXPLAIN does not notice that the schema has changed: another text is compiled anew.
    steps = connection.execute(f"EXPLAIN QUERY PLAN {sql} -- {next(_NUMBERS)}", bind)
    return [detail for _, _, _, detail in steps]
