"""What of an index's vocabulary the words of a search stand for, and FTS5's MATCH expressions of that.

FTS5 finds the rows of whole words one by one, the newest first, so that a page of them costs the same
however many there are. For the beginning of a word it reads the rows of all words that begin so before it
gives the first, unless the beginning is short enough to be in the index itself. So the vocabulary is asked
for the whole words that are meant.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from db.model.searched import FIRST, LONGEST_INDEXED_PREFIX, SEARCHED, vocabulary_of
from db.model.tables import Table
from db.program import Rows, Statement, Value, json_list

MOST_TERMS = 32
"""Whole words of an index that the words of a search may stand for, shared among these."""
FEWEST_TERMS = 4
FEW_PLACES = 2_000
"""A beginning of more words than that is looked for as such if they are in the texts no more often."""


@dataclass(frozen=True, slots=True)
class Terms:
    """For the beginnings of words, what of one index they stand for, as FTS5 is asked for it."""

    of: Mapping[str, Sequence[str]]

    def begun(self, beginning: str) -> Sequence[str]:
        if len(beginning) <= LONGEST_INDEXED_PREFIX:
            return [f'"{beginning}" *']
        return self.of.get(beginning, ())


@lru_cache
def _sql(table: Table[Any]) -> str:
    # Each term is sought behind the one before it: no character of a term sorts before 0.
    next_term = f"""
        SELECT term FROM {vocabulary_of(table)}
        WHERE term >= {{start}} AND term < beginning || char(1114111) ORDER BY term LIMIT 1
    """
    return f"""
        WITH RECURSIVE found (beginning, term, place) AS (
            SELECT beginning, ({next_term.format(start="beginning")}), 1
            FROM (SELECT value AS beginning FROM json_each(:beginnings))
            UNION ALL
            SELECT beginning, ({next_term.format(start="found.term || '0'")}), place + 1
            FROM found WHERE term IS NOT NULL AND place <= :most
        )
        SELECT beginning, term, iif(place <= :most, NULL, (
            SELECT count(*) FROM (
                SELECT 1 FROM {vocabulary_of(table)}
                WHERE term >= beginning AND term < beginning || char(1114111) LIMIT :places
            )
        ))
        FROM found WHERE term IS NOT NULL ORDER BY beginning, place
    """


def sought(tables: Sequence[Table[Any]], words: Sequence[str]) -> list[Statement]:
    """What finds the terms for these folded words; nothing if the indexes have all beginnings themselves."""
    each = dict.fromkeys(beginning for word in words for beginning in (word, FIRST + word))
    beginnings = [beginning for beginning in each if len(beginning) > LONGEST_INDEXED_PREFIX]
    if not beginnings:
        return []
    most = max(MOST_TERMS // len(words), FEWEST_TERMS)
    bind: dict[str, Value] = {"places": FEW_PLACES, "most": most}
    bind["beginnings"] = json_list(beginnings)
    return [Statement(_sql(table), bind) for table in tables]


def read(rows: Rows) -> Terms:
    """Read what `sought` has found."""
    terms: dict[str, list[str]] = {}
    for beginning, term, places in cast(list[tuple[str, str, int | None]], rows):
        found = terms.setdefault(beginning, [])
        if places is None:
            found.append(f'"{term}"')
        elif places < FEW_PLACES:
            found[:] = [f'"{beginning}" *']
    return Terms(terms)


def with_words(table: Table[Any], terms: Terms, words: Sequence[str]) -> str:
    """MATCH for texts with all these words; empty if there are none.

    A single word is not looked for where texts begin with it: `beginning` finds these.
    """
    if len(words) == 1:
        return " OR ".join(terms.begun(words[0]))
    each = [[*terms.begun(word), *terms.begun(FIRST + word)] for word in words]
    if not all(each):
        return ""
    match = " AND ".join(f"({' OR '.join(alternatives)})" for alternatives in each)
    if len(SEARCHED[table]) == 1:
        return match
    # In one column alone.
    return " OR ".join(f"{{{column}}} : ({match})" for column in SEARCHED[table])


def beginning(terms: Terms, words: Sequence[str]) -> str:
    """MATCH for texts that begin with these words; empty if there are none."""
    return " OR ".join(_phrases(terms, words))


def _phrases(terms: Terms, words: Sequence[str]) -> Iterator[str]:
    *before, last = words
    if not before:
        yield from terms.begun(FIRST + last)
    for term in terms.begun(last):
        if before:
            yield f'"{FIRST}{" ".join(before)}" + {term}'
        # What separates words comes first in the text.
        yield f'"{" ".join([FIRST, *before])}" + {term}'
