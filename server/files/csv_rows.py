"""CSV (RFC 4180): a header with the columns of one type, then one record per row.

Nothing between two commas is NULL, `""` is an empty text; lists and objects are JSON text.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from db.model import column_types, strict_json
from db.model.tables import Column, Table
from resolvers.import_rules import SourceRow, is_required
from server.files import csv_fields, json_lines
from server.files.csv_fields import NotCsv
from server.files.text_files import FileRefused

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_NUMBERS = (column_types.INT, column_types.BIG_INT)
_JSON = (column_types.STRING_LIST, column_types.OBJECT)
_TEXTS = (column_types.TEXT, column_types.CHITTY_ID)
CUT_SHORT = "the file ends in the middle of this record: copy it again"
CUT_OFF = (
    "no line end follows this record, so the file may have been cut off within it: copy it again,"
    " or add a line end if it is whole"
)


def header(table: Table[Any]) -> str:
    return ",".join(table.columns) + "\n"


def encode(values: Mapping[str, Any]) -> str:
    """One record with its line end. Raises ValueError for a text with a NUL, which no CSV file may hold."""
    return ",".join(_field(name, value) for name, value in values.items()) + "\n"


def _field(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return csv_fields.encode(json_lines.compact(value))
    text = str(value)
    if "\0" in text:
        raise ValueError(f"{name}: the text has a NUL, which CSV cannot hold: export it as --jsonl")
    return csv_fields.encode(text)


def read(name: str, lines: Iterable[tuple[int, str]], table: Table[Any]) -> Iterator[SourceRow]:
    """The rows of a CSV file. Raises FileRefused for an unfit header or a record that is not CSV."""
    records = csv_fields.records(lines)
    try:
        _, names, is_ended = next(records, (1, [], True))
        columns = _header(name, [each or "" for each in names], table)
        if not is_ended:
            raise FileRefused(f"{name}: line 1: {CUT_OFF}")
        for start, fields, is_ended in records:
            fault, values = _values(columns, fields, is_ended=is_ended)
            yield SourceRow(start, table.name, values, fault)
    except NotCsv as error:
        raise FileRefused(f"{name}: the record that begins in line {error.start} {error}") from None


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
    header: Sequence[Column], fields: Sequence[str | None], *, is_ended: bool
) -> tuple[str | None, dict[str, Any]]:
    """What is wrong with a record, if anything, and its values by column."""
    if not is_ended:
        return CUT_SHORT if len(fields) < len(header) else CUT_OFF, {}
    if len(fields) != len(header):
        return f"has {len(fields)} fields where the header has {len(header)}", {}
    values = {}
    for column, text in zip(header, fields, strict=True):
        try:
            if text is not None or column.nullable:
                values[column.name] = _value(column, text)
        except ValueError as error:
            return f"{column.name}: {strict_json.describe(error)}", {}
    return None, values


def _value(column: Column, text: str | None) -> Any:
    if text is None:
        return None
    if text == "" and column.type not in _TEXTS:
        raise ValueError('"" is an empty text: for NULL, write nothing between the commas')
    if column.type in _JSON:
        return strict_json.parse_row(text)
    return int(text) if column.type in _NUMBERS and _WHOLE.fullmatch(text) else text
