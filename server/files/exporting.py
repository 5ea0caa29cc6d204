"""The registry as text: JSON Lines, CSV or SQL, all of it read in one snapshot."""

from collections.abc import Iterator
from pathlib import Path

from db.backup import dumps
from db.transfer import exports
from db.transfer.exports import Exported
from db.transfer.layout import BY_TYPE, TRANSFERS
from server.files import csv_rows, json_lines
from server.files.progress import Progress
from server.files.text_files import LONGEST_LINE


class Export:
    """One export of a database; `type_name` is None for rows of every type.

    `problems` says, once `texts` has ended, which rows could not be expressed and were left out.
    """

    def __init__(
        self, database: Path, format_: str, type_name: str | None, progress: Progress
    ) -> None:
        self._database = database
        self._format = format_
        self._transfers = TRANSFERS if type_name is None else (BY_TYPE[type_name],)
        self._progress = progress
        self.problems: list[str] = []

    def texts(self) -> Iterator[bytes]:
        """What is to be written, a piece at a time; raises BootRefused where nothing can be read."""
        with exports.snapshot(self._database) as connection:
            if self._format == "sql":
                self._progress.stage("exporting")
                for line in dumps.statements(connection):
                    # Bytes that are no UTF-8 leave as they are stored.
                    yield line.encode("utf-8", "surrogateescape")
                return
            if self._format == "csv":
                yield csv_rows.spelt(self._transfers[0].table.columns).encode()
            self._progress.stage("exporting", exports.count(connection, self._transfers))
            for row in exports.rows(connection, self._transfers):
                self._progress.advance()
                yield self._spelt(row)

    def _spelt(self, row: Exported) -> bytes:
        problem = row.problem
        if problem is None:
            try:
                if self._format == "csv":
                    text = csv_rows.spelt(row.values.values()).encode()
                else:
                    text = json_lines.spelt(row.type, row.values).encode()
                if len(text) <= LONGEST_LINE:
                    return text
                problem = f"{row.place}: its line would have {len(text):,} bytes"
            except ValueError as error:
                problem = f"{row.place}: {error}"
        self.problems.append(problem)
        return b""
