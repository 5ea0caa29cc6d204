"""Splits SQL text into statements, with at most the longest statement in memory."""

import codecs
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from db.errors import BootRefused

CHUNK = 2**20
LONGEST = 64 * 2**20

# How files begin that must be unpacked first, and with which command.
COMPRESSED = {b"\x1f\x8b": "gunzip", b"\x28\xb5\x2f\xfd": "unzstd", b"PK\x03\x04": "unzip"}

QUOTES = re.compile(r"['\"`\[;]|--|/\*")
ENDS = {"'": "'", '"': '"', "`": "`", "[": "]", "--": "\n", "/*": "*/"}


def read_text(file: Path, advance: Callable[[int], None]) -> Iterator[str]:
    """A file's text in pieces; raises BootRefused if it is not UTF-8 or has NUL bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.open("rb") as source:
        while raw := source.read(CHUNK):
            if source.tell() == len(raw):
                _require_plain_utf8(file, raw)
            try:
                text = decoder.decode(raw)
            except UnicodeDecodeError as error:
                where = source.tell() - len(raw) + error.start
                raise BootRefused(
                    f"{file} is neither a SQLite file nor SQL text in UTF-8 (near byte {where}):"
                    " name a backup or a dump"
                ) from None
            if "\0" in text:
                raise BootRefused(
                    f"{file} has NUL bytes, which SQL text cannot have (UTF-16 has them): save it as UTF-8"
                )
            yield text
            advance(len(raw))
    if decoder.getstate()[0]:
        raise BootRefused(f"{file} ends within a character, so it is incomplete: copy it again")


def _require_plain_utf8(file: Path, begin: bytes) -> None:
    for mark, command in COMPRESSED.items():
        if begin.startswith(mark):
            raise BootRefused(
                f"{file} is compressed: unpack it first, for example with `{command}`"
            )
    if begin.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BootRefused(
            f"{file} begins with a byte order mark, as UTF-16 and some editors' UTF-8 do:"
            " save it as plain UTF-8"
        )


def split(texts: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Each statement with the number of its first line; text after the last semicolon comes last.

    Raises OverflowError for a statement that is too long.
    """
    line, text, seen, end = 1, "", 0, ""
    for more in texts:
        text += more
        start = 0
        while True:
            if end:
                found = text.find(end, seen)
                if found < 0:
                    seen = max(seen, len(text) - 1)  # which may be the first half of */
                    break
                seen, end = found + len(end), ""
            opening = QUOTES.search(text, seen)
            if opening is None:
                seen = max(seen, len(text) - 1) if text.endswith(("-", "/")) else len(text)
                break
            seen = opening.end()
            if opening[0] != ";":
                end = ENDS[opening[0]]
            elif sqlite3.complete_statement(text[start:seen]):
                yield line, text[start:seen]
                line += text.count("\n", start, seen)
                start = seen
        text, seen = text[start:], seen - start
        if len(text) > LONGEST:
            raise OverflowError(f"line {line}")
    yield line, text
