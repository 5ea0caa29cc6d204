"""Words are split and folded exactly as SQLite's tokenizer does it, and ranked by the text alone."""

import sqlite3
from collections import defaultdict
from contextlib import closing

import pytest

from db.model import words
from db.model.words import BEGIN, END, Rank

CODE_POINTS = [*range(0xD800), *range(0xE000, 0x110000)]
INDEX = """
    CREATE VIRTUAL TABLE texts USING fts5(
        text, content='', tokenize='unicode61 remove_diacritics 2'
    );
    CREATE VIRTUAL TABLE terms USING fts5vocab('texts', 'instance');
"""


def tokens(texts: list[str]) -> list[list[str]]:
    """The words of each text, as SQLite has them."""
    found: dict[int, dict[int, str]] = defaultdict(dict)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(INDEX)
        connection.executemany(
            "INSERT INTO texts (rowid, text) VALUES (?, ?)", list(enumerate(texts, start=1))
        )
        for term, text, place in connection.execute("SELECT term, doc, offset FROM terms"):
            found[text][place] = term
    return [[found[n][place] for place in sorted(found[n])] for n in range(1, len(texts) + 1)]


@pytest.mark.parametrize("part", range(16))
def test_each_code_point_is_folded_as_by_sqlite(part):
    # A seventeenth of them each time: all planes, and all neighbours of each kind of letter.
    chosen = [code for code in CODE_POINTS if code < 0x3000] if part == 0 else CODE_POINTS[part::97]
    texts = [f"x{chr(code)}x {chr(code)}" for code in chosen]

    expected = tokens(texts)

    assert [[words.fold(word) for word in words.split(text)] for text in texts] == expected


@pytest.mark.parametrize(
    ("text", "wanted", "rank"),
    [
        ("Octo-Org", "octo org", Rank.EXACT),
        ("Octo-Org", "octo or", Rank.PREFIX),
        ("Octo-Org", "OCTO", Rank.PREFIX),
        ("Octo-Org", "org octo", Rank.WORD),
        ("Octo-Org", "org", Rank.WORD),
        ("Octo-Org", "cto", None),
        ("Octo-Org", "octo x", None),
        ("  @octo/org", "octo", Rank.PREFIX),
        ("Été d'or", "ete d", Rank.PREFIX),
        ("日本語", "日本", Rank.PREFIX),
        ("שלום עולם", "עול", Rank.WORD),
        ("a a", "a", Rank.PREFIX),
        ("a", "a a", Rank.WORD),
        ("", "a", None),
    ],
)
def test_a_text_is_ranked_by_itself(text, wanted, rank):
    folded = [words.fold(word) for word in words.split(wanted)]

    assert words.rank(text, folded) is rank


@pytest.mark.parametrize(
    "text", ["b-a " * 250 + "x", "ba" * 500, "é-" * 500], ids=["words", "one", "é"]
)
@pytest.mark.parametrize("wanted", ["a", "x", "zz", "a b a b a b a b"])
def test_a_long_text_is_ranked_as_its_words_say(text: str, wanted: str):
    folded = [words.fold(word) for word in words.split(wanted)]
    of_text = [words.fold(word) for word in words.split(text)]

    matches = all(any(word.startswith(each) for word in of_text) for each in folded)

    assert (words.rank(text, folded) is not None) == matches


@pytest.mark.parametrize(
    ("text", "wanted", "shown"),
    [
        ("Octo-Org", ["octo", "or"], "[Octo]-[Or]g"),
        ("Cafe\u0301 noir", ["cafe"], "[Cafe\u0301] noir"),
        ("Cafe\u0301 noir", ["caf"], "[Caf]e\u0301 noir"),
        ("ab abc", ["a", "ab"], "[ab] [ab]c"),
        (f"a{BEGIN}b{END} c", ["c"], "ab [c]"),
        ("x" * 5, ["y"], "xxxxx"),
    ],
)
def test_what_was_found_is_highlighted(text, wanted, shown):
    found = words.highlight(text, wanted)

    assert found.replace(BEGIN, "[").replace(END, "]") == shown
