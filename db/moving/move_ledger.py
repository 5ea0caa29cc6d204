"""How far a move has come: a table of the target, which is there until the move has ended.

It is dropped in the transaction that ends the move. While it is there, servers and commands refuse the
database, and whoever writes to it nevertheless is refused by triggers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from db.migrating.ledger import UNFINISHED_MOVE
from db.model import searched
from db.model.tables import TABLES
from db.moving.moved_tables import MADE_BY_SERVERS, MovedTable
from db.program import Rows, Value
from db.remote.transport import Bound

# One row for each table, and one with an empty name for the source. A negative number of rows makes a batch
# fail, of which then nothing is stored.
CREATE = f"""
    CREATE TABLE IF NOT EXISTS {UNFINISHED_MOVE} (
        name TEXT NOT NULL PRIMARY KEY,
        after TEXT,
        rows INTEGER NOT NULL CHECK (rows >= 0)
    )
"""
SOURCE = ""
ADD = f"INSERT INTO {UNFINISHED_MOVE} (name, after, rows) VALUES (:name, :after, 0)"
READ = f"SELECT name, after, rows FROM {UNFINISHED_MOVE}"
READ_ONE = f"{READ} WHERE name = :name"
IS_AT = f"SELECT 1 FROM {UNFINISHED_MOVE} WHERE name = :name AND after IS :before"
ADVANCE = f"""
    UPDATE {UNFINISHED_MOVE} SET after = :last, rows = rows + :count
    WHERE name = :name AND after IS :before
"""
FAIL_IF = f"UPDATE {UNFINISHED_MOVE} SET rows = -1 WHERE {{condition}}"
DROP = f"DROP TABLE {UNFINISHED_MOVE}"
# Filled by every mutation, on whatever engine, and by every batch over HTTP.
WRITTEN_FIRST = ("writing", "applied_writes")
REFUSE = f"""\
CREATE TRIGGER {UNFINISHED_MOVE}_refuses_{{table}} BEFORE INSERT ON {{table}}
BEGIN
    SELECT RAISE(ABORT, 'chittygraph move has not finished: nothing else may write until then');
END"""
NO_LONGER_REFUSE = f"DROP TRIGGER {UNFINISHED_MOVE}_refuses_{{table}}"
HAS_ROWS = "EXISTS (SELECT 1 FROM {table})"
EMPTY = "DELETE FROM {table}"
ABANDON = f"UPDATE {UNFINISHED_MOVE} SET after = 'abandoned' WHERE name = :name"
REMOVE_SOME = """
    DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} LIMIT 5000)
"""
IS_LEFT = "SELECT {has_rows} AS is_left"
DROP_TRIGGER = "DROP TRIGGER IF EXISTS {name}"
IS_ANOTHER = """(
        SELECT count(*) FROM json_each(:triggers) AS wanted JOIN sqlite_master AS made
        ON made.type = 'trigger' AND made.name = wanted.value ->> 0 AND made.sql = wanted.value ->> 1
    ) <> json_array_length(:triggers)"""
CONTINUE_SEQUENCE = (
    """
    INSERT INTO sqlite_sequence (name, seq)
    SELECT :name, 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = :name)
    """,
    "UPDATE sqlite_sequence SET seq = :seq WHERE name = :name AND seq < :seq",
)


@dataclass(frozen=True, slots=True)
class Position:
    """The last key that was copied, encoded, and the number of rows up to it."""

    after: str | None
    rows: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """`source` is the state of the registry that is moved here; empty if nothing but the table was made."""

    source: str
    positions: Mapping[str, Position]

    @classmethod
    def of(cls, rows: Rows) -> "Ledger":
        found = {str(name): _position(after, count) for name, after, count in rows}
        source = found.pop(SOURCE, Position("", 0))
        return cls(source.after or "", found)


def position_of(rows: Rows) -> Position | None:
    """None if there is no such row."""
    return _position(*rows[0][1:]) if rows else None


def _position(after: Value, rows: Value) -> Position:
    return Position(None if after is None else str(after), int(str(rows)))


def any_has_rows(tables: Sequence[MovedTable]) -> str:
    """SQL: whether one of these tables has rows that servers do not make when they start."""
    names = [each.name for each in tables if each.name != MADE_BY_SERVERS]
    return " OR ".join(HAS_ROWS.format(table=name) for name in names) or "FALSE"


def begin(tables: Sequence[MovedTable], triggers: Sequence[str], source: str) -> list[Bound]:
    """A batch that begins a move with all triggers lifted, and fails if one has begun or rows are there.

    Its table must have been made: rqlite compiles a batch before it runs it.
    """
    names = [each.name for each in tables]
    return [
        _bound(ADD, name=SOURCE, after=source),
        *(_bound(ADD, name=name, after=None) for name in names),
        _bound(FAIL_IF.format(condition=any_has_rows(tables))),
        *(_bound(DROP_TRIGGER.format(name=name)) for name in triggers),
        *(_bound(REFUSE.format(table=name)) for name in WRITTEN_FIRST),
        _bound(EMPTY.format(table=MADE_BY_SERVERS)),
    ]


def end(triggers: Mapping[str, str], sequences: Mapping[str, int]) -> list[Bound]:
    """A batch that makes the triggers again, continues sequences and ends the move."""
    wanted = json.dumps(list(triggers.items()))
    return [
        *_restore(triggers),
        *(
            _bound(sql, name=name, seq=seq)
            for name, seq in sequences.items()
            for sql in CONTINUE_SEQUENCE
        ),
        _bound(FAIL_IF.format(condition=IS_ANOTHER), triggers=wanted),
        _bound(DROP),
    ]


def abandon() -> Bound:
    """From then on no move goes on with what is there."""
    return _bound(ABANDON, name=SOURCE)


def remove_some(table: MovedTable) -> list[Bound]:
    """A batch that removes some thousand rows; its last statement finds whether there are more."""
    key = ", ".join(table.key)
    return [
        _bound(REMOVE_SOME.format(table=table.name, key=key)),
        _bound(IS_LEFT.format(has_rows=HAS_ROWS.format(table=table.name))),
    ]


def undo(triggers: Mapping[str, str]) -> list[Bound]:
    """A batch that leaves what was emptied as a registry in which no move has begun."""
    return [*_restore(triggers), _bound(DROP)]


def _restore(triggers: Mapping[str, str]) -> list[Bound]:
    return [
        *(_bound(NO_LONGER_REFUSE.format(table=name)) for name in WRITTEN_FIRST),
        *map(_bound, _refill(triggers)),  # no trigger has indexed what was copied
        *(_bound(sql) for sql in triggers.values()),
    ]


def _refill(triggers: Mapping[str, str]) -> list[str]:
    """What fills the indexes of searches that these triggers keep."""
    return searched.refill(
        table for table in TABLES if f"{searched.index_of(table)}_of_new" in triggers
    )


def _bound(sql: str, **bind: Value) -> Bound:
    return Bound(sql, bind)
