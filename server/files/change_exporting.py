"""Exports the history as JSON Lines, read in one snapshot."""

import json
from collections.abc import Iterator
from pathlib import Path

from db.audit import change_export, verification
from server.files.progress import Progress

MOST_PROBLEMS = 100


class ChangeExport:
    """One export of the changes that were made from `since` on and `before` an instant, if given."""

    def __init__(self, database: Path, since: str | None, before: str | None) -> None:
        self._database, self._since, self._before = database, since, before
        self.written = 0
        # Changes that are no JSON in UTF-8: how many, and why of the first.
        self.left_out = 0
        self.problems: list[str] = []

    def lines(self) -> Iterator[bytes]:
        """The lines, one by one. Raises BootRefused if the database cannot be read."""
        with Progress() as progress, verification.snapshot(self._database) as connection:
            count = change_export.count(connection, self._since, self._before)
            progress.stage("exporting", count)
            for sequence, line in change_export.lines(connection, self._since, self._before):
                progress.advance()
                try:
                    json.loads(line)
                except ValueError as error:
                    self.left_out += 1
                    if len(self.problems) < MOST_PROBLEMS:
                        self.problems.append(f"change {sequence}: {error}")
                else:
                    self.written += 1
                    yield line
