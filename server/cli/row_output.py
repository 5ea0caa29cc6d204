"""Rows of a database as text: a table for people, JSON and CSV for programs."""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from db.program import Value, Values

WIDEST = 60
MEASURED = 200  # rows that decide how wide columns are, so that the rest need not wait
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def as_table(columns: Sequence[str], rows: Iterable[Values]) -> Iterator[str]:
    """Lines of aligned columns and a last one that counts.

    What would disturb a terminal is escaped, and a long cell cut. NULL and x'…', a BLOB, are not to be
    mistaken for texts, which are quoted where they read the same.
    """
    rows = iter(rows)
    first = [[_cell(value) for value in row] for row in islice(rows, MEASURED)]
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
    """The text of a number, which is aligned to the right."""

    __slots__ = ()


def _cell(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return _blob(value)
    if not isinstance(value, str):
        return _Number(value)
    looks_otherwise = value == "NULL" or re.fullmatch("x'[0-9a-f]*'", value)
    return _escaped(f"'{value}'" if looks_otherwise else value)


def _escaped(text: str) -> str:
    return _UNPRINTABLE.sub(lambda found: _ESCAPES.get(found[0], f"\\x{ord(found[0]):02x}"), text)


def _blob(value: bytes) -> str:
    return f"x'{value.hex()}'"


def _width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF")
        for each in text
    )


def _cut(text: str) -> str:
    if _width(text) <= WIDEST:
        return text
    kept = text[:WIDEST]
    while _width(kept) >= WIDEST:
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

    A BLOB is {"blob": "…"} in hexadecimal. Columns of the same name get a number from the second on.
    """
    names = _unlike(columns)
    before = "["
    for row in rows:
        yield before
        pairs = zip(names, row, strict=True)
        before = ", ".join(f"{_json(name)}: {_json(value)}" for name, value in pairs)
        before = f"{{{before}}},"
    yield before.removesuffix(",")
    yield "]"


def _json(value: Value) -> str:
    if isinstance(value, bytes):
        return json.dumps({"blob": value.hex()})
    if isinstance(value, float) and math.isinf(value):
        return "9e999" if value > 0 else "-9e999"
    return json.dumps(value, ensure_ascii=False)


def _unlike(columns: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for name in columns:
        number, unlike = 1, name
        while unlike in found:
            number += 1
            unlike = f"{name}_{number}"
        found[unlike] = None
    return list(found)


def as_csv(columns: Sequence[str], rows: Iterable[Values]) -> Iterator[str]:
    """Lines of CSV with a header. NULL is an empty field, the empty text "" and a BLOB x'…'."""
    yield ",".join(map(_field, columns))
    for row in rows:
        yield ",".join(map(_field, row))


def _field(value: Any) -> str:
    if value is None:
        return ""
    text = _blob(value) if isinstance(value, bytes) else str(value)
    if text == "" or re.search(r'[",\r\n]|^\s|\s$', text):
        return '"' + text.replace('"', '""') + '"'
    return text


FORMATS: dict[str, Callable[[Sequence[str], Iterable[Values]], Iterator[str]]] = {
    "table": as_table,
    "json": as_json,
    "csv": as_csv,
}
