"""Reads text files line by line, with at most one line of limited length in memory."""

import codecs
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from db.backup.dump_statements import COMPRESSED

LONGEST_LINE = 4 * 2**20

_OTHER_ENCODINGS = {
    codecs.BOM_UTF16_LE: "UTF-16",  # also of UTF-32, whose mark begins with the same bytes
    codecs.BOM_UTF16_BE: "UTF-16",
    codecs.BOM_UTF32_BE: "UTF-32",
}
_SQLITE = b"SQLite format 3\0"


class FileRefused(Exception):
    """Raised if a file cannot be read as rows at all; the message names it and says what to do."""


@contextmanager
def open_file(path: Path) -> Iterator[tuple[BinaryIO, int | None]]:
    """An open file and its size in bytes, None for stdin (`-`). Raises FileRefused if there is none."""
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
    """The numbered lines, with their ends but no BOM; `advance` gets each one's bytes. Raises FileRefused."""
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        advance(len(raw))
        if number == 1:
            raw = _without_bom(name, raw)
        if len(raw) > LONGEST_LINE:
            raise FileRefused(
                f"{name}: line {number} has more than {LONGEST_LINE:,} bytes:"
                " no row is that long; is a line end missing?"
            )
        yield number, _decode(name, number, raw)
    if number == 0:
        raise FileRefused(f"{name} is empty, as a failed copy leaves it: nothing can be imported")


def _without_bom(name: str, raw: bytes) -> bytes:
    if raw.startswith(_SQLITE):
        raise FileRefused(f"{name} is a SQLite database: `chittygraph restore` takes one")
    for mark, command in COMPRESSED.items():
        if raw.startswith(mark):
            raise FileRefused(
                f"{name} is compressed: unpack it first, for example with `{command}`"
            )
    for mark, encoding in _OTHER_ENCODINGS.items():
        if raw.startswith(mark):
            raise FileRefused(f"{name} is in {encoding}: save it as UTF-8 first")
    return raw.removeprefix(codecs.BOM_UTF8)


def _decode(name: str, number: int, raw: bytes) -> str:
    if b"\0" in raw:
        raise FileRefused(
            f"{name}: line {number} has a NUL byte, which UTF-8 text does not have:"
            " the file may be damaged, or in UTF-16: save it as UTF-8"
        )
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise FileRefused(
            f"{name}: line {number} is not UTF-8 at its byte {error.start + 1}: save it as UTF-8"
        ) from None
