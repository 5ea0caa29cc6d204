"""What a search looks at: candidates from the indexes, or a viewer's own rows.

Whoever sees all rows of a table is served by its index. For anybody else the time that an index takes would
tell of rows that the viewer does not see, so such a viewer's own rows are read instead.
Either way `resolvers.search` decides by the texts themselves, so that the two find and rank alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from db.model.searched import FIRST, SEARCHED, index_of
from db.model.services import SERVICES
from db.model.tables import TABLES, Table
from db.program import Program, Rows, Statement, Value

KINDS: tuple[Table[Any], ...] = (*TABLES, SERVICES)
"""All that is found; of what was stored at the same time, the first of them comes first."""
COLUMNS: Mapping[Table[Any], tuple[str, ...]] = {**SEARCHED, SERVICES: (SERVICES.key,)}
MOST_OF_A_RANK = 50
"""Of the rows of a table that match equally well, so many are looked at: those that were stored last."""
MOST_OWN = 5_000
"""So many of a viewer's own rows of a table are looked at: the newest."""
MOST_SERVICES = 1_000
"""So many services are looked at: the first by name."""


@dataclass(frozen=True, slots=True)
class Search:
    """`words` are as the client wrote them; `whole` are those of the `tables` of which it sees everything.

    Of services it does if it sees all connections.
    """

    text: str
    words: tuple[str, ...]
    tables: tuple[Table[Any], ...]
    whole: frozenset[Table[Any]]


def candidates(search: Search) -> Program[list[Rows]]:
    """For each table, rows of the key, what orders them and the searched columns; some come repeatedly."""
    if not search.words or not search.tables:
        return []
    bind = _bind(search)
    found = yield [_candidates(search, table, bind[table]) for table in search.tables]
    return found


def _candidates(search: Search, table: Table[Any], bind: dict[str, Value]) -> Statement:
    sees_all = table in search.whole
    if table is SERVICES:
        return Statement(_services(sees_all=sees_all), {"most": MOST_SERVICES})
    if sees_all:
        return Statement(_from_index(table), bind)
    return Statement(_own(table), {"most": MOST_OWN})


def _bind(search: Search) -> dict[Table[Any], dict[str, Value]]:
    words, beginning = _matches(search.words)
    text = _ascii_lower(search.text.strip())
    return {
        table: {
            "words": words if len(search.words) == 1 else _in_one(COLUMNS[table], words),
            "beginning": beginning,
            "text": text,
            "most": MOST_OF_A_RANK,
        }
        for table in search.tables
    }


def _in_one(columns: Sequence[str], match: str) -> str:
    """MATCH for what matches in one of these columns alone; for a single word it is slower."""
    return " OR ".join(f"{{{column}}} : ({match})" for column in columns)


def _matches(words: Sequence[str]) -> tuple[str, str]:
    """MATCH for texts with all words, and for those that begin with them.

    A word has no quote, nor anything else that FTS5 takes for syntax within quotes.
    """
    phrase = " ".join(words)
    each = " AND ".join(f'("{word}" * OR "{FIRST}{word}" *)' for word in words)
    # What separates words may come first in the text.
    return each, f'"{FIRST}{phrase}" * OR "{FIRST} {phrase}" *'


def _ascii_lower(text: str) -> str:
    """Like SQLite's lower()."""
    return "".join(each.lower() if each.isascii() else each for each in text)


@lru_cache
def _from_index(table: Table[Any]) -> str:
    by_words = [_matching(table, name) for name in ("words", "beginning")]
    return " UNION ALL ".join([*by_words, *(_equal(table, column) for column in SEARCHED[table])])


def _columns(table: Table[Any]) -> str:
    return ", ".join(f"row.{name}" for name in (table.key, table.newest, *COLUMNS[table]))


def _matching(table: Table[Any], match: str) -> str:
    index = index_of(table)
    return f"""
        SELECT {_columns(table)}
        FROM (
            SELECT rowid FROM {index} WHERE {index} MATCH :{match} ORDER BY rowid DESC LIMIT :most
        ) AS found CROSS JOIN {table.picked} AS row ON row.rowid = found.rowid
        WHERE {table.live.format(row="row")}
    """


def _equal(table: Table[Any], column: str) -> str:
    """Those whose whole text it is, but for the case of ASCII letters: however many begin with it."""
    return f"""
        SELECT * FROM (
            SELECT {_columns(table)} FROM {table.picked} AS row
            WHERE lower(row.{column}) = :text AND {table.live.format(row="row")}
            ORDER BY row.{table.newest} DESC, row.{table.key} DESC LIMIT :most
        )
    """


@lru_cache
def _own(table: Table[Any]) -> str:
    return f"""
        SELECT {_columns(table)} FROM {table.listed} AS row
        WHERE {table.live.format(row="row")}
        ORDER BY row.{table.newest} DESC, row.{table.key} DESC LIMIT :most
    """


@lru_cache
def _services(*, sees_all: bool) -> str:
    # Those of all connections are found by name one after another, so that a limit ends the search for them.
    order = "" if sees_all else f"ORDER BY row.{SERVICES.key}"
    return f"SELECT {_columns(SERVICES)} FROM {SERVICES.listed} AS row {order} LIMIT :most"
