"""CSV (RFC 4180): a header with the columns of one type, then one record per row.

An empty field is NULL; lists and objects are JSON text. The empty text cannot be written.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from db.model import column_types, strict_json
from db.model.tables import Column, Table
from resolvers.import_rules import SourceRow, is_required
from server.files import json_lines
from server.files.text_files import LONGEST_LINE, FileRefused

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_NUMBERS = (column_types.INT, column_types.BIG_INT)
_JSON = (column_types.STRING_LIST, column_types.OBJECT)


def encode(values: Iterable[Any]) -> str:
    """One record with its line end. Raises ValueError for an empty text, which would be read as NULL."""
    fields = []
    for value in values:
        if value == "":
            raise ValueError("CSV cannot tell an empty text from NULL: export it as --jsonl")
        nested = isinstance(value, list | dict)
        fields.append(json_lines.compact(value) if nested else value)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(fields)
    return out.getvalue()


def read(name: str, lines: Iterable[tuple[int, str]], table: Table[Any]) -> Iterator[SourceRow]:
    """The rows of a CSV file. Raises FileRefused for an unfit header or an unclosed quote."""
    csv.field_size_limit(LONGEST_LINE)
    source = _Records(name, lines)
    reader = csv.reader(source, strict=True)
    try:
        header = _header(name, next(reader, []), table)
        source.end_record()
        for fields in reader:
            start, cut_off = source.start, not source.line.endswith("\n")
            source.end_record()
            if fields:
                fault, values = _values(header, fields, cut_off=cut_off)
                yield SourceRow(start, table.name, values, fault)
    except csv.Error as error:
        raise FileRefused(_message(name, source.start, str(error))) from None


class _Records:
    """Passes lines to the CSV reader; `start` is the line in which the present record began."""

    def __init__(self, name: str, lines: Iterable[tuple[int, str]]) -> None:
        self._name = name
        self._lines = iter(lines)
        self.end_record()
        self.start = 1

    def __iter__(self) -> "_Records":
        return self

    def __next__(self) -> str:
        number, self.line = next(self._lines)
        if self._length == 0:
            self.start = number
        self._length += len(self.line)
        if self._length > LONGEST_LINE:
            raise FileRefused(_message(self._name, self.start, "unexpected end of data"))
        return self.line

    def end_record(self) -> None:
        self._length, self.line = 0, ""


def _message(name: str, start: int, error: str) -> str:
    if error == "unexpected end of data":
        return f"{name}: the record that begins in line {start} has a quote that never closes"
    if error.startswith("new-line character"):
        error = "it has a carriage return without a line feed: save it with other line ends"
    return f"{name}: the record that begins in line {start} is not CSV: {error}"


def _header(name: str, header: Sequence[str], table: Table[Any]) -> list[Column]:
    for place, column in enumerate(header):
        if column not in table.columns:
            hint = "; columns are separated by commas" if re.search("[;\t]", column) else ""
            raise FileRefused(
                f"{name}: line 1 names a column {column[:100]!r}, which {table.name} do not have{hint}:"
                f" they have {', '.join(table.columns)}"
            )
        if column in header[:place]:
            raise FileRefused(f"{name}: line 1 names the column {column!r} twice")
    missing = [
        column
        for column, declared in table.columns.items()
        if is_required(declared) and column not in header
    ]
    if missing:
        raise FileRefused(
            f"{name}: line 1 does not name {', '.join(missing)}, which {table.name} must have"
        )
    return [table.columns[column] for column in header]


def _values(
    header: Sequence[Column], fields: Sequence[str], *, cut_off: bool
) -> tuple[str | None, dict[str, Any]]:
    """What is wrong with a record, if anything, and its values by column."""
    if cut_off and len(fields) < len(header):
        return "the file ends in the middle of this record: copy it again", {}
    if len(fields) != len(header):
        return f"has {len(fields)} fields where the header has {len(header)}", {}
    values = {}
    for column, text in zip(header, fields, strict=True):
        try:
            if text or column.nullable:
                values[column.name] = _value(column, text)
        except ValueError as error:
            return f"{column.name}: {json_lines.describe(error)}", {}
    return None, values


def _value(column: Column, text: str) -> Any:
    if not text:
        return None
    if column.type in _JSON:
        return strict_json.parse(text)
    return int(text) if column.type in _NUMBERS and _WHOLE.fullmatch(text) else text
