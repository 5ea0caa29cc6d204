"""Whether this version of the code can read a copy: no replica migrates it."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from db.errors import BootRefused, TooOld
from db.migrating import ledger

COPY = Path("the primary's database")


class OtherVersion(TooOld):
    """The copy has the schema of another version."""


class Fitness:
    """Compares the migrations that ran on a copy with those of the code."""

    def __init__(self) -> None:
        self._migrations = ledger.load(ledger.MIGRATIONS)
        self._fit: Mapping[str, str] | None = None  # the latest that were found fit

    def check(self, connection: sqlite3.Connection) -> None:
        """Raise OtherVersion, with what to do, unless the copy has exactly the migrations of this version."""
        try:
            ran = dict(connection.execute(ledger.APPLIED).fetchall())
        except sqlite3.OperationalError as error:
            if not str(error).startswith("no such table"):
                raise
            ran = {}
        if ran == self._fit:
            return
        try:
            pending = ledger.pending(self._migrations, ran, COPY)
        except BootRefused as refused:
            raise OtherVersion(f"this replica cannot read its copy: {refused}") from None
        if pending:
            raise OtherVersion(
                f"this replica cannot read its copy: {COPY} lacks migration {pending[0].name}, which no"
                " replica makes: start this version on the primary, too"
            )
        self._fit = ran
