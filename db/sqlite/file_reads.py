"""Runs Programs that read on files that nobody has opened as a database."""

import sqlite3
from pathlib import Path
from typing import TypeVar

from db.program import Program, run
from db.security.row_security import UNRESTRICTED
from db.sqlite import file_checks
from db.sqlite.connection_thread import execute

T = TypeVar("T")


def read(path: Path, program: Program[T]) -> T:
    """Raises BootRefused if the file cannot be read."""
    file = path.resolve()
    with file_checks.reading(file) as connection, file_checks.refusing(file):
        return read_on(connection, program)


def read_on(connection: sqlite3.Connection, program: Program[T]) -> T:
    """Raises sqlite3.Error."""
    return run(program, lambda statement: execute(connection, statement, UNRESTRICTED))
