"""The schema of a database: tables with their columns, indexes, triggers and views."""

import re
import sqlite3
from dataclasses import dataclass, field
from functools import lru_cache

OBJECTS = """
    SELECT master.type, master.name, master.tbl_name, coalesce(master.sql, ''),
        coalesce(listed.type, ''), coalesce(listed.wr, 0), coalesce(listed.strict, 0)
    FROM sqlite_master AS master
    LEFT JOIN pragma_table_list AS listed
        ON listed.schema = 'main' AND listed.name = master.name AND master.type <> 'index'
    WHERE master.name NOT LIKE 'sqlite!_%' ESCAPE '!'
"""
COLUMNS = """
    SELECT name, upper(type), "notnull", dflt_value, pk, hidden
    FROM pragma_table_xinfo(:table)
    ORDER BY cid
"""
UNIQUE = """
    SELECT list.name, list.origin, info.name
    FROM pragma_index_list(:table) AS list, pragma_index_info(list.name) AS info
    WHERE list."unique" AND NOT list.partial
    ORDER BY list.name, info.seqno
"""


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """`place` is the column's place in the primary key, or 0."""

    name: str
    type: str
    required: bool
    default: str | None
    place: int
    generated: bool

    @property
    def affinity(self) -> str:
        """The type affinity, see https://www.sqlite.org/datatype3.html."""
        return affinity_of(self.type)


# In the order in which SQLite checks them: a CHARINT is an INTEGER.
_AFFINITIES = {
    "INTEGER": ("INT",),
    "TEXT": ("CHAR", "CLOB", "TEXT"),
    "BLOB": ("BLOB",),
    "REAL": ("REAL", "FLOA", "DOUB"),
}


@lru_cache
def affinity_of(type_: str) -> str:
    """That of a declared type in upper case."""
    for affinity, words in _AFFINITIES.items():
        if any(word in type_ for word in words):
            return affinity
    return "NUMERIC" if type_ else "BLOB"


@dataclass(frozen=True, slots=True)
class Object:
    """A table, virtual table, view, index or trigger; columns are named in lower case.

    `unique` has the sets of columns that no two rows share, `constraints` those that the table itself
    declares.
    """

    type: str
    name: str
    table: str
    sql: str
    without_rowid: bool = False
    strict: bool = False
    columns: dict[str, StoredColumn] = field(default_factory=dict)
    unique: frozenset[tuple[str, ...]] = frozenset()
    constraints: frozenset[tuple[str, ...]] = frozenset()

    @property
    def is_unique(self) -> bool:
        """Whether it is an index that CREATE UNIQUE INDEX made."""
        return self.type == "index" and self.sql.upper().startswith("CREATE UNIQUE")

    @property
    def meaning(self) -> str:
        """Its SQL without spaces, comments, quotes, case and IF NOT EXISTS."""
        return meaning_of(self.sql)


# The definitions of a database are compared with those of every migration, more than once at a boot.
@lru_cache(maxsize=512)
def meaning_of(sql: str) -> str:
    """A definition without spaces, comments, quotes, case and IF NOT EXISTS."""
    bare = re.sub(r"--[^\n]*|\bIF NOT EXISTS\b", " ", sql, flags=re.IGNORECASE)
    return re.sub(r"[\s\"`\[\]]+", "", bare).lower()


def read(connection: sqlite3.Connection) -> dict[str, Object]:
    objects = {}
    for kind, name, table, sql, listed, without_rowid, strict in connection.execute(OBJECTS):
        if kind == "table":
            columns = _columns(connection, name)
            unique, constraints = _unique(connection, name, columns)
            object_ = Object(
                listed,
                name,
                name,
                sql,
                bool(without_rowid),
                bool(strict),
                columns,
                unique,
                constraints,
            )
        else:
            object_ = Object(kind, name, table, sql)
        objects[name.lower()] = object_
    return objects


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, StoredColumn]:
    rows = connection.execute(COLUMNS, {"table": table}).fetchall()
    return {
        name.lower(): StoredColumn(name, kind, bool(required), default, place, hidden > 1)
        for name, kind, required, default, place, hidden in rows
    }


def _unique(
    connection: sqlite3.Connection, table: str, columns: dict[str, StoredColumn]
) -> tuple[frozenset[tuple[str, ...]], frozenset[tuple[str, ...]]]:
    key = sorted((column.place, name) for name, column in columns.items() if column.place)
    indexes: dict[tuple[str, bool], list[str]] = {}
    for index, origin, column in connection.execute(UNIQUE, {"table": table}):
        indexes.setdefault((index, origin != "c"), []).append((column or "").lower())
    sets = {(tuple(sorted(names)), own) for (_, own), names in indexes.items() if all(names)}
    if key:  # that of an INTEGER PRIMARY KEY has no index
        sets.add((tuple(sorted(name for _, name in key)), True))
    return frozenset(each for each, _ in sets), frozenset(each for each, own in sets if own)
