"""Words of texts, split and folded as the tokenizer of the search indexes does it, and how well they match.

What an index finds is looked at again here, since an index does not tell how well a text matches. What no
index may find, since that would take longer for rows that the viewer does not see, is looked for here.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice

from db.model import unicode61

BEGIN, END = "\ue000", "\ue001"
"""What stands around the parts of a text that were found."""


def _ranges(text: str) -> Iterator[tuple[int, int]]:
    for each in text.split():
        first, _, last = each.partition("-")
        yield int(first, 16), int(last or first, 16)


def _class(text: str) -> str:
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _ranges(text))


def _folding() -> dict[int, int | None]:
    folding: dict[int, int | None] = {}
    for each in unicode61.FOLDED.split():
        range_, _, target = each.partition(">")
        for first, last in _ranges(range_):
            folding |= {code: int(target, 16) + code - first for code in range(first, last + 1)}
    folding |= {
        code: None for first, last in _ranges(unicode61.MARKS) for code in range(first, last + 1)
    }
    return folding


_FOLDING = _folding()
_MARKS = _class(unicode61.MARKS)
_WORD = re.compile(f"[^{_class(unicode61.SEPARATORS)}{_MARKS}][^{_class(unicode61.SEPARATORS)}]*")
# Of folded texts, which have no marks.
_FOLDED_WORD = re.compile(f"[^{_class(unicode61.SEPARATORS)}]+")
_ASCII_WORD = re.compile("[a-z0-9]+")  # takes a fifth of the time


class Rank(IntEnum):
    """How well a text matches, best first: the whole text, its beginning, or the beginnings of words."""

    EXACT = 0
    PREFIX = 1
    WORD = 2


def split(text: str) -> list[str]:
    """The words of a text, as they are written."""
    return _WORD.findall(text)


def fold(word: str) -> str:
    return word.translate(_FOLDING)


def rank(text: str, wanted: Sequence[str]) -> Rank | None:
    """How well a text matches folded words; None if one of them begins none of its words.

    Long texts are not split, which would take a millisecond for a thousand characters.
    """
    is_ascii = text.isascii()
    folded = text.lower() if is_ascii else fold(text)
    if not all(each in folded for each in wanted):
        return None
    word = _ASCII_WORD if is_ascii else _FOLDED_WORD
    begin = [match[0] for match in islice(word.finditer(folded), len(wanted) + 1)]
    *whole, last = wanted
    if begin[: len(whole)] == whole and "".join(begin[len(whole) : len(wanted)]).startswith(last):
        return Rank.EXACT if begin == list(wanted) else Rank.PREFIX
    return Rank.WORD if all(_begins_a_word(each, folded, word) for each in wanted) else None


def _begins_a_word(wanted: str, folded: str, word: re.Pattern[str]) -> bool:
    at = folded.find(wanted)
    while at > 0 and word.match(folded[at - 1]):
        at = folded.find(wanted, at + 1)
    return at >= 0


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int


def highlight(text: str, wanted: Sequence[str]) -> str:
    """The text with BEGIN and END around the beginnings of words that match; it has neither elsewhere."""
    pieces, done = [], 0
    for span in _spans(text, wanted):
        pieces += [_plain(text[done : span.start]), BEGIN, _plain(text[span.start : span.end]), END]
        done = span.end
    return "".join([*pieces, _plain(text[done:])])


def _plain(text: str) -> str:
    return text.replace(BEGIN, "").replace(END, "")


def _spans(text: str, wanted: Sequence[str]) -> Iterator[_Span]:
    for match in _WORD.finditer(text):
        folded = fold(match[0])
        longest = max((len(each) for each in wanted if folded.startswith(each)), default=0)
        if longest:
            yield _Span(match.start(), match.start() + _written(match[0], longest))


def _written(word: str, length: int) -> int:
    """How much of a word makes so much of its folded text, with the marks that follow."""
    end = 0
    while end < len(word) and (length > 0 or not fold(word[end])):
        length -= len(fold(word[end]))
        end += 1
    return end
