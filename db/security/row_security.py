"""What one viewer sees of the tables, and which rows it may change: the rules of rows, in SQL.

Statements never name a table that they read for a viewer. They say `seen.contexts`, or in lists
`listed.contexts` and `picked.contexts`, which no database has, so that one which is run without a Sight
fails; a Sight puts in its place what the viewer sees: the table itself, or the rows of it that are its
own, private columns hidden. What is hidden is thus hidden from filters, orderings, counts and cursors
alike. `changeable_contexts(row)` is true of a row that the viewer may change,
`shown_connections(row.column)` is a column's value for the viewer, and `still_authorized()` is true as
long as the viewer may write (db.security.revalidation).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES, Table
from db.program import Statement, Value
from db.security import revalidation
from db.security.revalidation import STILL_AUTHORIZED, Authorization

KEPT = 4_096  # translated statements

# What is true of a row named `{row}` that is the viewer's own; `:viewer` is its ChittyID.
_OWN: dict[Table[Any], str] = {
    # The + keeps SQLite from beginning with all that is the viewer's where a key is asked for.
    ACTORS: "+{row}.chitty_id = :viewer",
    CONTEXTS: "+{row}.owner_chitty_id = :viewer",
    # The type decides between an actor and a context of the same id, which others' programs may store.
    CONNECTIONS: "CASE {row}.source_type WHEN 'actor' THEN {row}.source_chitty_id = :viewer"
    " ELSE {row}.source_chitty_id <> :viewer AND EXISTS (SELECT 1 FROM contexts AS mine"
    " WHERE mine.chitty_id = {row}.source_chitty_id AND mine.owner_chitty_id = :viewer) END",
    INSTALLATIONS: "FALSE",  # GitHub's, whoever recorded it
}
# What one's own leads to.
_SUSPENDERS = """SELECT reached.suspended_by_chitty_id FROM listed.installations AS reached
    WHERE reached.suspended_by_chitty_id IS NOT NULL"""
_THROUGH = """SELECT through.installation_id FROM listed.connections AS through
    WHERE through.installation_id IS NOT NULL"""
# What is seen besides: that, found from one's own. From the row on it would be found out of how many
# others' rows lead to it, and the time that this takes would tell that there is a row.
_REACHED: dict[Table[Any], str] = {
    ACTORS: f"+{{row}}.chitty_id IN ({_SUSPENDERS})",
    INSTALLATIONS: f"+{{row}}.installation_id IN ({_THROUGH})",
}
# Where all installations are seen, those who suspended them are not worth a list.
_HAS_SUSPENDED = """EXISTS (SELECT 1 FROM seen.installations AS reached
    WHERE reached.suspended_by_chitty_id = {row}.chitty_id)"""
# The same rules for whole lists, worded so that SQLite starts from what the viewer sees: what the row
# named `own` is joined to, and what is then true of it.
_WALKED: dict[Table[Any], tuple[str, str]] = {
    ACTORS: ("", f"own.chitty_id IN (SELECT :viewer UNION ALL {_SUSPENDERS})"),
    CONTEXTS: ("", "own.owner_chitty_id = :viewer"),
    CONNECTIONS: (
        "(SELECT :viewer AS chitty_id, TRUE AS is_actor"
        " UNION ALL SELECT mine.chitty_id, FALSE FROM contexts AS mine"
        " WHERE mine.owner_chitty_id = :viewer AND mine.chitty_id <> :viewer) AS source",
        "own.source_chitty_id = source.chitty_id AND (own.source_type = 'actor') = source.is_actor",
    ),
    INSTALLATIONS: (
        f"(SELECT DISTINCT installation_id FROM ({_THROUGH})) AS reached",
        "own.installation_id = reached.installation_id",
    ),
}


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a viewer's rights go beyond its own, by tables' names.

    `seen` has the tables of which all rows are seen, `shown` those whose private columns are, and
    `changed` those of which all rows may be changed.
    """

    seen: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()


ALL = frozenset(table.name for table in TABLES)
EVERYWHERE = Extent(ALL, ALL, ALL)


@dataclass(frozen=True, slots=True)
class RowSecurity:
    """The rights of one viewer: its ChittyID, None for the server itself, and their extent.

    What a viewer writes is written only while its `authorization` holds.
    """

    viewer: str | None = None
    extent: Extent = EVERYWHERE
    authorization: Authorization = field(default=Authorization(), compare=False)

    def of(self, statement: Statement) -> tuple[str, Mapping[str, Value]]:
        """The statement's text as this viewer may run it, and its binds."""
        given = statement.with_returning
        if statement.narrow and self.extent.seen != ALL:
            given = statement.narrow
        sql, binds_viewer, writes = _translated(self.extent, given)
        if writes:
            return self._revalidated(sql, statement.bind)
        return sql, {**statement.bind, "viewer": self.viewer} if binds_viewer else statement.bind

    def _revalidated(self, sql: str, bind: Mapping[str, Value]) -> tuple[str, Mapping[str, Value]]:
        if self.viewer is None:
            return sql.replace(STILL_AUTHORIZED, "TRUE"), bind
        text = sql.replace(STILL_AUTHORIZED, revalidation.CONDITION)
        return text, {**bind, "viewer": self.viewer, **self.authorization.bind}


UNRESTRICTED = RowSecurity()
"""What the server itself sees, and everyone in open mode."""


def changeable(table: Table[Any], row: str) -> str:
    """SQL, for a statement that a Sight is put into: the viewer may change this row."""
    return f"changeable_{table.name}({row})"


def allowed(table: Table[Any], values: Mapping[str, str]) -> str:
    """SQL, in such a statement, for the first of these values of columns, or NULL.

    NULL it is where the viewer sees none of the rows that have them; who sees one sees all of them.
    """
    same = ",".join(f"{name}={value}" for name, value in values.items())
    return f"allowed_{table.name}[{same}]"


def or_hidden(table: Table[Any], row: str, column: str) -> str:
    """SQL that adds to a condition, in such a statement, that the viewer may not know the value.

    Nothing, for a column that is never hidden, and for a viewer from whom it is not.
    """
    return f" OR hidden_{table.name}({row}.{column})" if table.columns[column].private else ""


def returned(table: Table[Any]) -> str:
    """The columns of a written row as RETURNING names them, those hidden that the viewer may not know."""
    return ", ".join(known(table, name) for name in table.columns)


def known(table: Table[Any], column: str) -> str:
    """SQL, in such a statement, for what the viewer may know of the value in the row that is written."""
    value = f"{table.name}.{column}"
    return f"shown_{table.name}({value})" if table.columns[column].private else value


_BY_NAME = {table.name: table for table in TABLES}
_NAMES = "|".join(_BY_NAME)
# None of these can be part of what a statement spells of a client's: names hold no dots or brackets.
_PLACES = re.compile(
    rf"\b(?P<way>seen|listed|picked)\.(?P<rows>{_NAMES})\b"
    rf"|\ballowed_(?P<allowed>{_NAMES})\[(?P<same>[^\]]*)\]"
    rf"|\bchangeable_(?P<changed>{_NAMES})\((?P<row>\w+)\)"
    rf"|(?P<how>\bshown| OR hidden)_(?P<private>{_NAMES})\((?P<of>\w+)\.(?P<column>\w+)\)"
)


@lru_cache(KEPT)
def _translated(extent: Extent, sql: str) -> tuple[str, bool, bool]:
    """The text for this extent, whether it binds the viewer, and whether it is to be revalidated."""

    def put(place: re.Match[str]) -> str:
        if place["rows"]:
            return _rows(extent, _BY_NAME[place["rows"]], place["way"])
        if place["allowed"]:
            same = dict(each.split("=", 1) for each in place["same"].split(","))
            return _allowed(extent, _BY_NAME[place["allowed"]], same)
        if place["changed"]:
            return _may_change(extent, _BY_NAME[place["changed"]], place["row"])
        table, row = _BY_NAME[place["private"]], place["of"]
        if place["how"] == " OR hidden":
            return "" if table.name in extent.shown else f" OR {row}.{place['column']} IS NULL"
        return _value(extent, table, row, place["column"])

    text = _PLACES.sub(put, sql)
    return text, ":viewer" in text, STILL_AUTHORIZED in text


def _rows(extent: Extent, table: Table[Any], way: str) -> str:
    """What stands for the table after FROM: SQLite makes one query of it and what is around it."""
    values = {name: _value(extent, table, "own", name) for name in table.columns}
    sees_all = way == "picked" or table.name in extent.seen
    if sees_all and all(value == f"own.{name}" for name, value in values.items()):
        return table.name
    shown = ", ".join(f"{value} AS {name}" for name, value in values.items())
    rows = f"{table.name} AS own"
    if not sees_all:
        rows = _walked(extent, table) if way == "listed" else f"{rows} WHERE {_sees(extent, table)}"
    return f"(SELECT own.rowid AS rowid, {shown} FROM {rows})"


def _walked(extent: Extent, table: Table[Any]) -> str:
    """SQL from behind FROM on for the rows that are seen, named `own`, of the whole table."""
    joined, test = _WALKED[table]
    first = f"{joined} CROSS JOIN " if joined else ""
    return _translated(extent, f"{first}{table.name} AS own WHERE {test}")[0]


def _sees(extent: Extent, table: Table[Any]) -> str:
    """What is true of a row named `own` that is seen."""
    test = _OWN[table]
    if table is ACTORS and INSTALLATIONS.name in extent.seen:
        test = f"{test} OR {_HAS_SUSPENDED}"
    elif table in _REACHED:
        test = f"{test} OR {_REACHED[table]}"
    return f"({_translated(extent, test.format(row='own'))[0]})"


def _allowed(extent: Extent, table: Table[Any], same: Mapping[str, str]) -> str:
    """The first value, where rows with these values are seen."""
    value = next(iter(same.values()))
    if table.name in extent.seen:
        return value
    test = _sees(extent, table)
    for name, each in same.items():
        test = re.sub(rf"\+?\bown\.{name}\b", each, test)
    if re.search(r"\bown\.", test):
        raise ValueError(f"more than {', '.join(same)} decides about who sees {table.name}")
    return f"CASE WHEN {test} THEN {value} END"


def _value(extent: Extent, table: Table[Any], row: str, name: str) -> str:
    private = table.columns[name].private
    stored = f"{row}.{name}"
    only_own_are_seen = table.name not in extent.seen and table not in _REACHED
    if private is None or table.name in extent.shown or only_own_are_seen:
        return stored
    hidden = "NULL"
    if private.hidden is not None:
        hidden = f"CASE WHEN {stored} IS NOT NULL THEN '{private.hidden}' END"
    return f"CASE WHEN {_OWN[table].format(row=row)} THEN {stored} ELSE {hidden} END"


def _may_change(extent: Extent, table: Table[Any], row: str) -> str:
    return "TRUE" if table.name in extent.changed else f"({_OWN[table].format(row=row)})"
