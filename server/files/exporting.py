"""Exports the registry as JSON Lines, CSV or SQL, read in one snapshot."""

from collections.abc import Iterator
from pathlib import Path

from db.backup import dumps
from db.transfer import exports
from db.transfer.exports import ExportedRow
from db.transfer.layout import BY_TYPE, TRANSFERS
from server.files import csv_rows, json_lines
from server.files.progress import Progress
from server.files.text_files import LONGEST_LINE

MOST_PROBLEMS = 100


class Export:
    """One export of a database; `type_name` None means rows of every type."""

    def __init__(
        self, database: Path, format_: str, type_name: str | None, progress: Progress
    ) -> None:
        self._database = database
        self._format = format_
        self._transfers = TRANSFERS if type_name is None else (BY_TYPE[type_name],)
        self._progress = progress
        # Why rows were left out so far, since the format cannot express them: of all, and of the first.
        self.left_out = 0
        self.written = 0  # rows, but of SQL, which has statements
        self.problems: list[str] = []

    def chunks(self) -> Iterator[bytes]:
        """The exported bytes, in pieces. Raises BootRefused if the database cannot be read."""
        with exports.snapshot(self._database) as connection:
            if self._format == "sql":
                self._progress.stage("exporting")
                for line in dumps.statements(connection):
                    # Bytes that are not UTF-8 are written as they are stored.
                    yield line.encode("utf-8", "surrogateescape")
                return
            if self._format == "csv":
                yield csv_rows.header(self._transfers[0].table).encode()
            rows = exports.count(connection, self._transfers)
            self._progress.stage("exporting", rows)
            if self._format == "jsonl" and rows == 0:
                # A file without a byte is what a failed copy leaves, and import refuses it.
                yield json_lines.NO_ROWS
            for row in exports.rows(connection, self._transfers):
                self._progress.advance()
                yield self._encode(row)

    def _encode(self, row: ExportedRow) -> bytes:
        problem = row.problem
        if problem is None:
            try:
                if self._format == "csv":
                    text = csv_rows.encode(row.values).encode()
                else:
                    text = json_lines.encode(row.type, row.values).encode()
                if len(text) <= LONGEST_LINE:
                    self.written += 1
                    return text
                problem = f"{row.place}: its line would have {len(text):,} bytes"
            except ValueError as error:
                problem = f"{row.place}: {error}"
        self.left_out += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        return b""
