"""What a search looks at: candidates from the indexes, or a viewer's own rows.

Whoever sees all rows of a table is served by its index. For anybody else the time that an index takes would
tell of rows that the viewer does not see, so such a viewer's own rows are read instead.
Either way `resolvers.search` decides by the texts themselves, so that the two find and rank alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from db.model.searched import LONGEST_TEXT, SEARCHED, index_of
from db.model.services import SERVICES
from db.model.tables import TABLES, Table
from db.program import Program, Rows, Statement, Value
from db.queries import search_terms
from db.queries.search_terms import Terms

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
    """`words` are folded; `whole` are those of the `tables` of which the viewer sees everything.

    Of services it does if it sees all connections. `until` are the rowids up to which the index of each of
    TABLES counts, so that a later page is one of the same list; the first page has none.
    """

    text: str
    words: tuple[str, ...]
    tables: tuple[Table[Any], ...]
    whole: frozenset[Table[Any]]
    until: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class Candidates:
    """For each table of the search, rows of the key, what orders them and the searched columns.

    Some come repeatedly. `until` is that of the search, or the newest rowids of a first page.
    """

    rows: list[Rows]
    until: tuple[int | None, ...]


def candidates(search: Search) -> Program[Candidates]:
    none = (None,) * len(TABLES)
    if not search.words or not search.tables:
        return Candidates([], none)
    indexed = [table for table in TABLES if table in search.whole]
    if not indexed:
        return Candidates((yield [_candidates(search, table) for table in search.tables]), none)
    [newest], *found = yield [
        _newest(indexed),
        *search_terms.sought(indexed, search.words),
    ]
    terms = dict(zip(indexed, map(search_terms.read, found or [[]] * len(indexed)), strict=True))
    by_table = dict(zip(indexed, newest, strict=True))
    now = [_rowid(by_table.get(table)) for table in TABLES]
    until = tuple(first or later for first, later in zip(search.until or now, now, strict=True))
    rows = yield [_candidates(search, table, terms.get(table), until) for table in search.tables]
    return Candidates(rows, until)


def _rowid(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def _newest(tables: Sequence[Table[Any]]) -> Statement:
    each = (f"(SELECT max(row.rowid) FROM {table.picked} AS row)" for table in tables)
    return Statement(f"SELECT {', '.join(each)}")


def _candidates(
    search: Search,
    table: Table[Any],
    terms: Terms | None = None,
    until: Sequence[int | None] = (),
) -> Statement:
    if table is SERVICES:
        return Statement(_services(sees_all=table in search.whole), {"most": MOST_SERVICES})
    if terms is None:
        return Statement(_own(table), {"most": MOST_OWN})
    matches = {
        "words": search_terms.with_words(table, terms, search.words),
        "beginning": search_terms.beginning(terms, search.words),
    }
    bind = {
        **{name: match for name, match in matches.items() if match},
        "text": _ascii_lower(search.text.strip()),
        "most": MOST_OF_A_RANK,
        "until": until[TABLES.index(table)],
    }
    return Statement(_from_index(table, tuple(name for name in matches if matches[name])), bind)


def _ascii_lower(text: str) -> str:
    """Like SQLite's lower()."""
    return "".join(each.lower() if each.isascii() else each for each in text)


@lru_cache
def _from_index(table: Table[Any], matches: Sequence[str]) -> str:
    by_words = [_matching(table, name) for name in matches]
    return " UNION ALL ".join([*by_words, *(_equal(table, column) for column in SEARCHED[table])])


def _columns(table: Table[Any]) -> str:
    # Other programs store texts of any length: no more is read than is searched.
    texts = (f"substr(row.{name}, 1, {LONGEST_TEXT})" for name in COLUMNS[table])
    return ", ".join([f"row.{table.key}", f"row.{table.newest}", *texts])


def _matching(table: Table[Any], match: str) -> str:
    index = index_of(table)
    return f"""
        SELECT {_columns(table)}
        FROM (
            SELECT rowid FROM {index} WHERE {index} MATCH :{match} AND rowid <= :until
            ORDER BY rowid DESC LIMIT :most
        ) AS found CROSS JOIN {table.picked} AS row ON row.rowid = found.rowid
        WHERE {table.live.format(row="row")}
    """


def _equal(table: Table[Any], column: str) -> str:
    """Those whose whole text it is, but for the case of ASCII letters: however many begin with it."""
    return f"""
        SELECT * FROM (
            SELECT {_columns(table)} FROM {table.picked} AS row
            WHERE lower(row.{column}) = :text AND +row.rowid <= :until AND {table.live.format(row="row")}
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
