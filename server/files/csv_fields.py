"""Fields and records of CSV (RFC 4180), where nothing between two commas is NULL and `""` is an empty text.

The `csv` module of Python 3.11 reads both as an empty text.
"""

import re
from collections.abc import Iterable, Iterator

from server.files.text_files import LONGEST_LINE

_QUOTED = re.compile(r'[^"]*+(?:""[^"]*+)*+')
_BARE = re.compile(r"[^,]*+")
_TO_QUOTE = re.compile(r'[",\r\n]|^\s|\s$')


class NotCsv(Exception):
    """Raised for text that is not CSV; the message continues the name of the record, as "has a quote …"."""

    def __init__(self, start: int, problem: str) -> None:
        self.start = start
        super().__init__(problem)


def encode(text: str | None) -> str:
    """One field; None is NULL."""
    if text is None:
        return ""
    if text == "" or _TO_QUOTE.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def records(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, list[str | None], bool]]:
    """The number of each record's first line, its fields, and whether a line end follows it.

    A blank line is no record. Raises NotCsv.
    """
    record = _Record()
    for number, line in lines:
        if record.is_complete:
            record.begin(number)
        record.add(line)
        if record.is_complete and record.fields != [None]:
            yield record.start, record.fields, line.endswith("\n")
    if not record.is_complete:
        raise NotCsv(record.start, "has a quote that never closes")


class _Record:
    def __init__(self) -> None:
        self.is_complete = True
        self.begin(1)

    def begin(self, number: int) -> None:
        self.start = number
        self.fields: list[str | None] = []
        self._length = 0
        self._open: list[str] = []  # the lines so far of a quoted field

    def add(self, line: str) -> None:
        self._length += len(line)
        if self._length > LONGEST_LINE:
            raise NotCsv(self.start, "has a quote that never closes")
        has_quotes = '"' in line
        if not has_quotes and not self.is_complete:
            self._open.append(line)
            return
        text = line.rstrip("\n").removesuffix("\r")
        if not has_quotes:
            self._require_no_return(text)
            self.fields = [field or None for field in text.split(",")]
            return
        self._parse(line, len(text))

    def _parse(self, line: str, length: int) -> None:
        at = 0
        inside = not self.is_complete
        while True:
            if inside or line.startswith('"', at):
                end = self._quoted(line, at if inside else at + 1)
                if end is None:
                    self.is_complete = False
                    return
                inside = False
            else:
                end = self._bare(line, at, length)
            if end >= length:
                self.is_complete = True
                return
            if line[end] != ",":
                raise NotCsv(self.start, "is not CSV: ',' expected after '\"'")
            at = end + 1

    def _quoted(self, line: str, at: int) -> int | None:
        """Add a quoted field, of which the rest begins here; returns where it ends, if it does."""
        found = _QUOTED.match(line, at)
        assert found is not None  # noqa: S101 - it matches the empty text too
        self._open.append(found[0])
        if found.end() == len(line):
            return None
        self.fields.append("".join(self._open).replace('""', '"'))
        self._open = []
        return found.end() + 1

    def _bare(self, line: str, at: int, length: int) -> int:
        found = _BARE.match(line, at, length)
        assert found is not None  # noqa: S101 - likewise
        self._require_no_return(found[0])
        self.fields.append(found[0] or None)
        return found.end()

    def _require_no_return(self, text: str) -> None:
        if "\r" in text:
            raise NotCsv(
                self.start,
                "is not CSV: it has a carriage return without a line feed: save it with other line ends",
            )
