"""What `search` finds: the columns of each table, and the FTS5 table that indexes them.

Each index is contentless: it holds words by rowid, and no text. Triggers of the four tables keep it, and
migration 0028 makes both. It holds rows that are not soft-deleted. FIRST stands before the first word of a
text, so that texts which begin with a word are found without reading all that have it anywhere. Beside each
index stands its vocabulary, a table of fts5vocab with the words themselves.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES, Table

SEARCHED: Mapping[Table[Any], tuple[str, ...]] = {
    ACTORS: ("display_name", "email"),
    INSTALLATIONS: ("account_login",),
    CONTEXTS: ("name",),
    CONNECTIONS: ("target_service", "target_endpoint"),
}
FIRST = "\ue000"
LONGEST_INDEXED_PREFIX = 3
"""Words are indexed by their first characters, FIRST among them, up to so many."""
LONGEST_TEXT = 1_000
"""So many characters of a text are searched, and none after a NUL, where SQLite's substr ends."""


def index_of(table: Table[Any]) -> str:
    return f"{table.name}_search"


def vocabulary_of(table: Table[Any]) -> str:
    return f"{table.name}_words"


INDEXES = frozenset(index_of(table) for table in TABLES)
VOCABULARIES = frozenset(vocabulary_of(table) for table in TABLES)
_PARTS = ("config", "data", "docsize", "idx")
PARTS = frozenset(f"{index}_{part}" for index in INDEXES for part in _PARTS)
"""The tables that SQLite keeps for the indexes, which nothing else reads or writes."""
ALL_TABLES = INDEXES | VOCABULARIES | PARTS


def searched_part(text: str) -> str:
    """What of a stored text is searched."""
    return text.partition("\0")[0][:LONGEST_TEXT]


def text_of(row: str, column: str) -> str:
    """SQL for a row's text as it is indexed."""
    return f"char({ord(FIRST)}) || substr({row}.{column}, 1, {LONGEST_TEXT})"


def refill(tables: Iterable[Table[Any]] = TABLES) -> list[str]:
    """Statements that index these tables anew, so that nothing is left of what rows held before."""
    return [sql for table in tables for sql in (_empty(table), _fill(table))]


def _empty(table: Table[Any]) -> str:
    index = index_of(table)
    return f"INSERT INTO {index} ({index}) VALUES ('delete-all')"


def _fill(table: Table[Any]) -> str:
    columns = SEARCHED[table]
    texts = ", ".join(text_of("row", column) for column in columns)
    return (
        f"INSERT INTO {index_of(table)} (rowid, {', '.join(columns)})\n"
        f"SELECT row.rowid, {texts}\nFROM {table.name} AS row WHERE {table.live.format(row='row')}"
    )
