"""SQL dumps of a database, for `chittygraph restore`, `sqlite3` and `wrangler d1 execute`.

The same content gives the same bytes: tables come after those they refer to, rows in the order of their
keys. The indexes of searches are made and filled anew. Each row has an INSERT of its own, since D1 limits
statements to 100 KB, and there is no BEGIN, which D1 rejects. Secrets with which webhooks sign are left out:
a dump is read, mailed and kept where nobody would leave a database.
"""

import re
import sqlite3
from collections.abc import Iterator

from db.errors import BootRefused
from db.model import hidden_columns, searched
from db.model.tables import TABLES
from db.program import Value

FIRST = (
    "-- A ChittyGraph registry, for chittygraph restore, sqlite3 or wrangler d1 execute --file.\n"
)
LAST = "-- The registry ends here.\n"
# For D1, which always enforces foreign keys: tables may have circular references.
DEFER = "PRAGMA defer_foreign_keys = TRUE;\n"

# D1 rejects the creation of wrangler's own tables. Triggers keep their order: the newest acts first.
OBJECTS = """
    SELECT type, name, sql FROM sqlite_master
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
        AND tbl_name NOT LIKE '!_cf!_%' ESCAPE '!'
    ORDER BY type, iif(type = 'trigger', rowid, 0), name
"""


def statements(connection: sqlite3.Connection) -> Iterator[str]:
    """The dump of one snapshot: statements and comments, each with its line feed.

    Nothing else may use the connection until the iterator ends or is closed. Raises BootRefused, before the
    first line, if there is a virtual table of others, which cannot be written as SQL.
    """
    text_factory, is_in_transaction = connection.text_factory, connection.in_transaction
    connection.text_factory = _decode
    if not is_in_transaction:
        connection.execute("BEGIN")
    try:
        objects = connection.execute(OBJECTS).fetchall()
        tables = {
            name: sql
            for kind, name, sql in objects
            if kind == "table" and name not in searched.PARTS
        }
        indexes = [table for table in TABLES if searched.index_of(table) in tables]
        virtual = {name: tables.pop(name) for name in sorted(searched.ALL_TABLES & tables.keys())}
        _require_ordinary(tables)
        yield FIRST
        yield DEFER
        for table in _parents_first(connection, list(tables)):
            yield _terminated(tables[table])
            yield from _inserts(connection, table)
        yield from _sequences(connection)
        yield from map(_terminated, [*virtual.values(), *searched.refill(indexes)])
        for kind, _, sql in objects:
            if kind != "table":
                yield _terminated(_with_ends(sql))
        yield LAST
    finally:
        connection.text_factory = text_factory
        if not is_in_transaction:
            connection.execute("ROLLBACK")


def _decode(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogateescape")


def _require_ordinary(tables: dict[str, str]) -> None:
    for name, sql in tables.items():
        if sql.upper().startswith("CREATE VIRTUAL"):
            raise BootRefused(
                f"{name} is a virtual table, which a dump cannot contain: use"
                " `chittygraph backup`, or drop it first"
            )


# What wrangler takes for the end of a CASE, without which it takes all that follows for one statement.
END = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|\b(END)(?=[^\w\s;])", re.IGNORECASE)


def _with_ends(sql: str) -> str:
    return END.sub(lambda found: f"{found[0]} " if found[1] else found[0], sql)


def _terminated(sql: str) -> str:
    terminated = f"{sql};\n"
    # The stored SQL of a statement may end in a comment.
    return terminated if sqlite3.complete_statement(terminated) else f"{sql}\n;\n"


REFERENCED = 'SELECT lower("table") FROM pragma_foreign_key_list(:table)'


def _parents_first(connection: sqlite3.Connection, tables: list[str]) -> list[str]:
    parents = {
        table: {name for (name,) in connection.execute(REFERENCED, {"table": table})}
        for table in tables
    }
    ordered: list[str] = []
    left = sorted(tables)
    while left:
        names = {table.lower() for table in left}
        ready = [table for table in left if not parents[table] & (names - {table.lower()})]
        ordered += ready or left[:1]
        left = [table for table in left if table not in ordered]
    return ordered


COLUMNS = "SELECT name FROM pragma_table_xinfo(:table) WHERE hidden = 0 ORDER BY pk = 0, pk, cid"
ROWS = "SELECT {values} FROM {table} ORDER BY {columns}"


def _inserts(connection: sqlite3.Connection, table: str) -> Iterator[str]:
    names = [name for (name,) in connection.execute(COLUMNS, {"table": table})]
    columns = ", ".join(map(_quoted, names))
    values = ", ".join("''" if _is_left_out(table, name) else _quoted(name) for name in names)
    head = f"INSERT INTO {_quoted(table)} ({columns}) VALUES ("
    rows = ROWS.format(values=values, table=_quoted(table), columns=columns)
    for row in connection.execute(rows):
        yield f"{head}{', '.join(map(literal, row))});\n"


def _is_left_out(table: str, column: str) -> bool:
    return (
        hidden_columns.table_of(table) == hidden_columns.SIGNING
        and hidden_columns.column_of(table) == column.lower()
    )


HAS_SEQUENCES = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"
SEQUENCES = "SELECT name, seq FROM sqlite_sequence ORDER BY name"


def _sequences(connection: sqlite3.Connection) -> Iterator[str]:
    if connection.execute(HAS_SEQUENCES).fetchone() is None:
        return
    yield "DELETE FROM sqlite_sequence;\n"
    for row in connection.execute(SEQUENCES):
        yield f"INSERT INTO sqlite_sequence (name, seq) VALUES ({', '.join(map(literal, row))});\n"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# SQL text ends at a NUL, sqlite3 drops a carriage return before a line feed, half a surrogate pair is not
# UTF-8, and wrangler removes text that looks like a transaction even from strings.
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\udc80-\udcff]|BEGIN TRANSACTION")
INFINITE = {"inf": "9.0e+999", "-inf": "-9.0e+999"}


def literal(value: Value) -> str:
    """A stored value as an SQL literal with exactly this value; line feeds stay line feeds."""
    match value:
        case None:
            return "NULL"
        case str() if UNSAFE.search(value):
            return f"CAST(X'{value.encode('utf-8', 'surrogateescape').hex()}' AS TEXT)"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case bytes():
            return f"X'{value.hex()}'"
        case _:
            return INFINITE.get(repr(value), repr(value))
