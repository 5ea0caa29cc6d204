"""What a misspelt word may mean."""

import difflib
from collections.abc import Iterable, Sequence

LIKELY = 0.6


def among(known: Iterable[str], words: Sequence[str]) -> str:
    """A question to end a message with, about the first word that resembles a known one; else nothing."""
    candidates = list(known)
    for word in words:
        close = difflib.get_close_matches(word, candidates, n=1, cutoff=LIKELY)
        if close:
            return f": did you mean {close[0]}?"
    return ""
