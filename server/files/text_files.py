"""A file of text, line by line, never more than one bounded line of it in memory."""

import codecs
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

LONGEST_LINE = 4 * 2**20

_OTHER_ENCODINGS = {
    codecs.BOM_UTF16_LE: "UTF-16",  # of UTF-32 too, whose mark begins the same
    codecs.BOM_UTF16_BE: "UTF-16",
    codecs.BOM_UTF32_BE: "UTF-32",
}
_SQLITE = b"SQLite format 3\0"


class FileRefused(Exception):
    """Raised when a file as a whole cannot be read as rows; the message names it and the way out."""


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, int | None]]:
    """A file for reading and its size in bytes, or stdin for `-`, whose size is not known.

    Raises FileRefused where there is no such file.
    """
    if str(path) == "-":
        yield sys.stdin.buffer, None
        return
    if path.is_dir():
        raise FileRefused(f"{path} is a folder: name a file in it")
    try:
        with path.open("rb") as file:
            yield file, path.stat().st_size if path.is_file() else None
    except FileNotFoundError:
        raise FileRefused(f"{path} does not exist: name a file that does") from None


def lines(name: str, file: BinaryIO, advance: Callable[[int], None]) -> Iterator[tuple[int, str]]:
    """The lines of a file in UTF-8 with their numbers, each with its line end, a BOM left out.

    `advance` is told the bytes of each. Raises FileRefused at what no text in UTF-8 has, at a line of
    more than LONGEST_LINE bytes, and for a file without any.
    """
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        advance(len(raw))
        if number == 1:
            raw = _without_mark(name, raw)
        if len(raw) > LONGEST_LINE:
            raise FileRefused(
                f"{name}: line {number} has more than {LONGEST_LINE:,} bytes:"
                " no row is that long; was a line end lost?"
            )
        yield number, _decoded(name, number, raw)
    if number == 0:
        raise FileRefused(f"{name} is empty, as a failed copy leaves it: nothing can be imported")


def _without_mark(name: str, raw: bytes) -> bytes:
    if raw.startswith(_SQLITE):
        raise FileRefused(f"{name} is a SQLite database: `chittygraph restore` takes one")
    for mark, encoding in _OTHER_ENCODINGS.items():
        if raw.startswith(mark):
            raise FileRefused(f"{name} is in {encoding}: save it as UTF-8 first")
    return raw.removeprefix(codecs.BOM_UTF8)


def _decoded(name: str, number: int, raw: bytes) -> str:
    if b"\0" in raw:
        raise FileRefused(
            f"{name}: line {number} has a NUL byte, which text in UTF-8 has not:"
            " is the file damaged, or in UTF-16? save it as UTF-8"
        )
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise FileRefused(
            f"{name}: line {number} is not UTF-8 at its byte {error.start + 1}: save it as UTF-8"
        ) from None
