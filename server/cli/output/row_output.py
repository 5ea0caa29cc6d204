"""Rows as text: a table for people, JSON and CSV for programs."""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from db.program import Value, Values
from server.files import csv_fields

MAX_WIDTH = 60
MEASURED_ROWS = 200  # decide column widths, so that output need not wait for all rows
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def as_table(columns: Sequence[str], rows: Iterable[Values]) -> Iterator[str]:
    """Lines of aligned columns, and a last one with the number of rows.

    Characters that would disturb a terminal are escaped and long cells shortened. A text that reads like
    NULL or a BLOB (x'…') is quoted.
    """
    rows = iter(rows)
    first = [[_cell(value) for value in row] for row in islice(rows, MEASURED_ROWS)]
    names = [_escaped(name) for name in columns]
    shown = [[_cut(text) for text in row] for row in [names, *first]]
    widths = [max(map(_width, texts)) for texts in zip(*shown, strict=True)]
    yield _line(shown[0], widths, [False] * len(widths))
    yield "  ".join("-" * width for width in widths)
    count = cut = 0
    for row in chain(first, ([_cell(value) for value in row] for row in rows)):
        texts = [_cut(text) for text in row]
        count += 1
        cut += sum(text != whole for text, whole in zip(texts, row, strict=True))
        yield _line(texts, widths, [isinstance(text, _Number) for text in row])
    note = f", {cut:,} cells cut short: --format json or csv shows all of them" if cut else ""
    yield f"({count:,} row{'s' * (count != 1)}{note})"


class _Number(str):
    """The text of a number, to be right-aligned."""

    __slots__ = ()


def _cell(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return _blob(value)
    if not isinstance(value, str):
        return _Number(value)
    is_ambiguous = value == "NULL" or re.fullmatch("x'[0-9a-f]*'", value)
    return _escaped(f"'{value}'" if is_ambiguous else value)


def _escaped(text: str) -> str:
    return _UNPRINTABLE.sub(lambda match: _ESCAPES.get(match[0], f"\\x{ord(match[0]):02x}"), text)


def _blob(value: bytes) -> str:
    return f"x'{value.hex()}'"


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF")
        for each in text
    )


def _cut(text: str) -> str:
    if _width(text) <= MAX_WIDTH:
        return text
    kept = text[:MAX_WIDTH]
    while _width(kept) >= MAX_WIDTH:
        kept = kept[:-1]
    return f"{kept}…"


def _line(texts: Sequence[str], widths: Sequence[int], to_right: Sequence[bool]) -> str:
    cells = []
    for text, width, right in zip(texts, widths, to_right, strict=True):
        blank = " " * (width - _width(text))
        cells.append(blank + text if right else text + blank)
    return "  ".join(cells).rstrip()


def as_json(columns: Sequence[str], rows: Iterable[Values]) -> Iterator[str]:
    """Lines of one JSON array with an object for each row.

    A BLOB is {"blob": "…"} in hexadecimal. Repeated column names get a number: n, n_2.
    """
    names = _distinct(columns)
    previous = "["
    for row in rows:
        yield previous
        pairs = zip(names, row, strict=True)
        members = ", ".join(f"{_json(name)}: {_json(value)}" for name, value in pairs)
        previous = f"{{{members}}},"
    yield previous.removesuffix(",")
    yield "]"


def _json(value: Value) -> str:
    if isinstance(value, bytes):
        return json.dumps({"blob": value.hex()})
    if isinstance(value, float) and math.isinf(value):
        return "9e999" if value > 0 else "-9e999"
    return json.dumps(value, ensure_ascii=False)


def _distinct(columns: Sequence[str]) -> list[str]:
    names: dict[str, None] = {}
    for column in columns:
        number, name = 1, column
        while name in names:
            number += 1
            name = f"{column}_{number}"
        names[name] = None
    return list(names)


def as_csv(columns: Sequence[str], rows: Iterable[Values]) -> Iterator[str]:
    """Lines of CSV with a header. NULL is an empty field, the empty text "" and a BLOB x'…'."""
    yield ",".join(map(_field, columns))
    for row in rows:
        yield ",".join(map(_field, row))


def _field(value: Any) -> str:
    if value is None or isinstance(value, str):
        return csv_fields.encode(value)
    return csv_fields.encode(_blob(value) if isinstance(value, bytes) else str(value))


FORMATS: dict[str, Callable[[Sequence[str], Iterable[Values]], Iterator[str]]] = {
    "table": as_table,
    "json": as_json,
    "csv": as_csv,
}
