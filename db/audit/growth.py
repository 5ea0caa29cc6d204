"""How long the history in a file is."""

import sqlite3

from db.history import checkpoint
from db.history.checkpoint import Growth
from db.program import run
from db.security.row_security import UNRESTRICTED
from db.sqlite.connection_thread import execute


def read(connection: sqlite3.Connection) -> Growth:
    return run(checkpoint.growth(), lambda statement: execute(connection, statement, UNRESTRICTED))
