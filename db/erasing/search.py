"""Looks for what names a person in every column of every table, and replaces it where that is wanted."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from db.erasing import places
from db.erasing.places import Treatment
from db.erasing.sql_functions import ERASED, MAY_MENTION, MENTIONS, NUMBERED
from db.model import searched
from db.model.instants import LATER
from db.model.tables import ACTORS, TABLES
from db.program import Value
from db.sqlite.catalog import Object

MOST_LISTED = 20
"""Rows of one column that are named; all are counted."""
CHUNK = 100
_WITH_TIMES = {table.name for table in TABLES}
_WITH_HISTORY = [table.name for table in TABLES if table.name in places.REPLACEABLE]


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of a table whose `column` names the person; `keys` are those of the first.

    `by_hand` tells why it is not replaced, even on request.
    """

    table: str
    column: str
    rows: int
    keys: list[str]
    by_hand: str = ""


def list_all(
    connection: sqlite3.Connection, stored: Mapping[str, Object], *, are_replaced: bool
) -> list[Found]:
    """All that names the person now in the `stored` tables; `are_replaced` if `replace_texts` has run."""
    found = [
        found
        for table in stored.values()
        # What indexes of searches consist of tells only what rows tell.
        if table.type in ("table", "shadow") and table.name.lower() not in searched.PARTS
        for found in _in_table(connection, table)
    ]
    if not are_replaced:
        return found
    return [replace(each, by_hand=each.by_hand or KNOWN_TO_PROGRAMS) for each in found]


KNOWN_TO_PROGRAMS = "what programs know it by"


def _in_table(connection: sqlite3.Connection, table: Object) -> Iterator[Found]:
    names = [column.name for column in table.columns.values() if not column.generated]
    told = ", ".join(MENTIONS.format(value=_quoted(name)) for name in names)
    kind = "kind" if table.name.lower() == "changes" else "''"
    sql = f"""
        SELECT {kind}, {_key(table)}, {told} FROM {_quoted(table.name)} WHERE {_may_mention(names)}
    """
    counts: Counter[tuple[str, str]] = Counter()
    keys: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for of, key, *flags in connection.execute(sql):
        for name, is_found in zip(names, flags, strict=True):
            if is_found:
                place = str(of), name
                counts[place] += 1
                if len(keys[place]) < MOST_LISTED:
                    keys[place].append(_readable(key))
    for (of, name), count in sorted(counts.items()):
        by_hand = _by_hand(table, name, of)
        shown = f"{table.name} of {of}" if of else table.name
        yield Found(shown, name, count, keys[of, name], by_hand)


def _by_hand(table: Object, column: str, of: str) -> str:
    name = table.name.lower()
    if name not in places.TREATMENTS and not places.SET_ASIDE.fullmatch(name):
        return "another program's table"
    if of == ACTORS.name or places.is_of_actors(table):
        return f"another actor's, or {KNOWN_TO_PROGRAMS}"
    is_replaceable = column in ("before", "after") if of else column.lower() in _replaceable(table)
    return "" if is_replaceable else KNOWN_TO_PROGRAMS


def _replaceable(table: Object) -> list[str]:
    """The columns of a table, in lower case, whose texts may be replaced."""
    name = table.name.lower()
    if name in places.REPLACEABLE:
        return [column for column in places.REPLACEABLE[name] if column in table.columns]
    if not places.SET_ASIDE.fullmatch(name) or places.is_of_actors(table):
        return []
    return [
        column
        for column, each in table.columns.items()
        if not each.generated and not each.place and column not in _KEYS_OF_OTHERS
    ]


# By which rows that were set aside are known, though they need not be their primary keys.
_KEYS_OF_OTHERS = {"chitty_id", "chittyid", "installation_id", "connection_id"}


def replace_texts(
    connection: sqlite3.Connection,
    stored: Mapping[str, Object],
    treatments: Sequence[Treatment],
    bind: Mapping[str, Value],
) -> dict[str, int]:
    """Replace what names the person in tables of these treatments, but for `changes`; rows by table."""
    counts = {}
    for name, table in stored.items():
        if places.treatment_of(name) in treatments and name != "changes":
            columns = _replaceable(table)
            if columns and name not in _WITH_TIMES:  # whose changes tell it
                counts[name] = _count(connection, table, columns)
            for column in columns:
                _replace(connection, table, column, bind)
    return counts


def _count(connection: sqlite3.Connection, table: Object, columns: Sequence[str]) -> int:
    mentions = " OR ".join(_is_replaced(column) for column in columns)
    sql = (
        f"SELECT count(*) FROM {_quoted(table.name)} WHERE {_may_mention(columns)} AND ({mentions})"
    )
    (count,) = connection.execute(sql).fetchone()
    return int(count)


def _is_replaced(column: str) -> str:
    text = _quoted(column)
    return f"(typeof({text}) = 'text' AND {MENTIONS.format(value=text)})"


def _replace(
    connection: sqlite3.Connection, table: Object, column: str, bind: Mapping[str, Value]
) -> None:
    text = _quoted(column)
    later = f", updated_at = {LATER}" if table.name in _WITH_TIMES else ""
    rows = f"{_may_mention([column])} AND {_is_replaced(column)}"
    sql = f"UPDATE {_quoted(table.name)} SET {text} = {{new}}{later} WHERE {rows}"
    new = ERASED.format(text=text)
    connection.execute("SAVEPOINT replacing")
    try:
        connection.execute(sql.format(new=new), bind)
    except sqlite3.IntegrityError:  # what is different may be the same without the text
        connection.execute("ROLLBACK TO replacing")
        connection.execute(sql.format(new=NUMBERED.format(text=new)), bind)
    finally:
        connection.execute("RELEASE replacing")


def replace_in_changes(connection: sqlite3.Connection, own: str, bind: Mapping[str, Value]) -> int:
    """Replace in changes what `replace_texts` replaces in rows, so that they still follow from each other.

    `own` is SQL for the actor's own changes, whose other columns nobody can correct. The triggers of
    `changes` must be lifted.
    """
    columns = {f"kind = '{name}'": places.REPLACEABLE[name] for name in _WITH_HISTORY}
    columns[own] = [name for name in ACTORS.columns if name not in ACTORS.personal]
    return sum(
        _replace_in_changes(connection, rows, names, bind) for rows, names in columns.items()
    )


def _replace_in_changes(
    connection: sqlite3.Connection, rows: str, names: Sequence[str], bind: Mapping[str, Value]
) -> int:
    sides = {side: _erased_side(side, names) for side in ("before", "after")}
    settings = ", ".join(f"{side} = {new}" for side, new in sides.items())
    differs = " OR ".join(f"{side} IS NOT {new}" for side, new in sides.items())
    may_mention = _may_mention(list(sides))
    sql = f"UPDATE changes SET {settings} WHERE {rows} AND {may_mention} AND ({differs})"
    return connection.execute(sql, bind).rowcount


def _erased_side(side: str, columns: Sequence[str]) -> str:
    """SQL: the JSON of one side of a change with its texts replaced; columns that it lacks stay missing."""
    pairs = ", ".join(_erased_member(side, name) for name in columns)
    return f"iif(json_valid({side}), json_replace({side}, {pairs}), {side})"


def _erased_member(side: str, name: str) -> str:
    text = ERASED.format(text=f"({side} ->> '$.{name}')")
    is_text = f"json_type({side}, '$.{name}') = 'text'"
    return f"'$.{name}', iif({is_text}, {text}, json_extract({side}, '$.{name}'))"


def _may_mention(names: Sequence[str]) -> str:
    """SQL: one look at the whole row, since most rows name nobody."""
    columns = [f"coalesce({_quoted(name)}, '')" for name in names]
    # Other programs may have tables of a thousand columns, and no expression may be as deep.
    chunks = [columns[place : place + CHUNK] for place in range(0, len(columns), CHUNK)]
    looks = [MAY_MENTION.format(text=" || char(0) || ".join(chunk)) for chunk in chunks]
    return f"({' OR '.join(looks)})"


def _key(table: Object) -> str:
    """SQL for what names a row to people."""
    if table.name.lower() == "changes":
        return "kind || ' ' || key"
    key = sorted((each.place, each.name) for each in table.columns.values() if each.place)
    return " || '/' || ".join(_quoted(name) for _, name in key) or "rowid"


def _readable(key: Value) -> str:
    return key.hex() if isinstance(key, bytes) else str(key)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
