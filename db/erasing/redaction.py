"""Finds texts that name a person within stored values, and replaces them.

A text is found as a whole: `ann@example.org` is not within `joann@example.org`. It is found in URLs, and in
JSON however that is escaped, in JSON within its strings too.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import suppress
from urllib.parse import quote, quote_plus

from db.model.chitty_id import normalise

MARK = "[erased]"
"""What replaces a text."""
SHORTEST = 2  # characters of a text that is looked for in others
MOST_ROUNDS = 10

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# What may hide a text without its own characters, in JSON and in JSON within it.
_ESCAPES = ("\\u", "\\/")
_ENCODING = ("utf-8", "surrogateescape")  # stored texts need not be UTF-8


class Redaction:
    """The texts that name a person, but for its ChittyID, which stays."""

    def __init__(self, texts: Collection[str], chitty_id: str) -> None:
        stripped = {text.strip() for text in texts}
        self.texts = frozenset(
            text for text in stripped if len(text) >= SHORTEST and normalise(text) != chitty_id
        )
        forms = {form: "@" in text for text in self.texts for form in _forms(text)}
        # The longest first, so that none is taken for a part of another.
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        words = "|".join(_whole(form, is_address=forms[form]) for form in longest_first)
        self._words = re.compile(f"({re.escape(MARK)})|(?:{words or '(?!)'})")
        self._lowered = sorted({form.lower() for form in forms})
        self._needs_escapes = any(_to_json(form) != f'"{form}"' for form in forms)

    def __bool__(self) -> bool:
        return bool(self.texts)

    def may_mention(self, stored: bytes | None) -> bool:
        """Fast, and true for everything that `mentions` is true for, alone or with more before and after."""
        return stored is not None and self._may_mention(stored.decode(*_ENCODING))

    def mentions(self, stored: bytes | None) -> bool:
        """Whether a stored text or BLOB holds one of the texts."""
        if stored is None:
            return False
        text = stored.decode(*_ENCODING)
        return self.applied_to(text) != text

    def applied(self, stored: bytes | None) -> bytes | None:
        """A stored text with a mark in the place of each of the texts."""
        if stored is None:
            return None
        return self.applied_to(stored.decode(*_ENCODING)).encode(*_ENCODING)

    def applied_to(self, text: str) -> str:
        if not self._may_mention(text):
            return text
        if _is_json(text):
            return _STRING.sub(self._string, text)
        for _ in range(MOST_ROUNDS):  # a mark is the end of a word
            before, text = text, self._words.sub(MARK, text)
            if text == before:
                break
        return text

    def _may_mention(self, text: str) -> bool:
        if not self.texts:
            return False
        lowered = text.lower()
        if any(form in lowered for form in self._lowered):
            return True
        return "\\" in text and (self._needs_escapes or any(each in text for each in _ESCAPES))

    def _string(self, token: re.Match[str]) -> str:
        text = json.loads(token[0], strict=False)
        new = self.applied_to(text)
        return token[0] if new == text else _to_json(new)


def _to_json(text: str) -> str:
    try:
        text.encode(*_ENCODING)
    except UnicodeEncodeError:  # half of a character, which JSON can only escape
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False)


def _forms(text: str) -> Iterator[str]:
    """The text as it may be spelt: with letters and accents in one or apart, and in URLs."""
    for form in ("NFC", "NFD"):
        spelt = unicodedata.normalize(form, text)
        yield spelt
        with suppress(UnicodeEncodeError):
            yield quote(spelt, safe="")
            yield quote_plus(spelt)


def _is_json(text: str) -> bool:
    if text.lstrip(" \t\r\n")[:1] not in ("{", "["):
        return False
    try:
        json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def _whole(text: str, *, is_address: bool) -> str:
    """A pattern for the text where no letter or digit goes on before or after it."""
    if is_address:
        return rf"(?i:(?<![\w.+%-]){re.escape(text)}(?![\w-]|\.\w))"
    before, after = r"(?<!\w)" * _ends_words(text[0]), r"(?!\w)" * _ends_words(text[-1])
    return f"{before}{re.escape(text)}{after}"


def _ends_words(letter: str) -> bool:
    """Whether words of this script are set apart: those of Chinese, for one, are not."""
    return letter.isdigit() or letter == "_" or letter.lower() != letter.upper()
