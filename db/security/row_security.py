"""Row security: which rows a viewer sees and may change, as SQL inside every statement.

Statements contain placeholders, which no database accepts: RowSecurity replaces them for a viewer.

* `seen.contexts`, and in lists `listed.contexts` and `picked.contexts` (see Table): the table itself, or its
  visible rows, whose private columns are hidden from filters, orderings, counts and cursors too.
* `changeable_contexts(row)`: whether the viewer may change the row.
* `shown_connections(row.column)`: the value of a private column, or what the viewer sees in its place.
* `allowed_contexts[…]`, ` OR hidden_actors(row.column)`: see `allowed` and `or_hidden`.
* `still_authorized()`: whether the viewer may still write (db.security.revalidation).
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

CACHED_STATEMENTS = 4_096

# SQL for a row, named `{row}`, that is the viewer's own; `:viewer` is the viewer's ChittyID.
_OWN: dict[Table[Any], str] = {
    # The + keeps SQLite from starting with all rows of the viewer when a key is looked up.
    ACTORS: "+{row}.chitty_id = :viewer",
    CONTEXTS: "+{row}.owner_chitty_id = :viewer",
    # The type tells apart an actor and a context with the same id, which other programs may store.
    CONNECTIONS: "CASE {row}.source_type WHEN 'actor' THEN {row}.source_chitty_id = :viewer"
    " ELSE {row}.source_chitty_id <> :viewer AND EXISTS (SELECT 1 FROM contexts AS mine"
    " WHERE mine.chitty_id = {row}.source_chitty_id AND mine.owner_chitty_id = :viewer) END",
    INSTALLATIONS: "FALSE",  # GitHub's, whoever recorded it
}
# What the viewer's own rows lead to.
_SUSPENDERS = """SELECT reached.suspended_by_chitty_id FROM listed.installations AS reached
    WHERE reached.suspended_by_chitty_id IS NOT NULL"""
_THROUGH = """SELECT through.installation_id FROM listed.connections AS through
    WHERE through.installation_id IS NOT NULL"""
# These rows are visible too. They are found from the viewer's own rows: found from the row itself, by
# skipping the rows of others that lead to it, the time needed would reveal that the row exists.
_REACHED: dict[Table[Any], str] = {
    ACTORS: f"+{{row}}.chitty_id IN ({_SUSPENDERS})",
    INSTALLATIONS: f"+{{row}}.installation_id IN ({_THROUGH})",
}
# For a viewer who sees all installations, a list of those who suspended them is not worth making.
_HAS_SUSPENDED = """EXISTS (SELECT 1 FROM seen.installations AS reached
    WHERE reached.suspended_by_chitty_id = {row}.chitty_id)"""
# The same rules for whole lists, worded so that SQLite starts from what the viewer sees: what the row,
# named `own`, is joined to, and the condition.
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
    """The tables of which the viewer sees all rows, sees all private columns, and may change all rows."""

    seen: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()


ALL = frozenset(table.name for table in TABLES)
EVERYWHERE = Extent(ALL, ALL, ALL)


@dataclass(frozen=True, slots=True)
class RowSecurity:
    """The rights of a viewer (None is the server itself), which writes only while `authorization` holds."""

    viewer: str | None = None
    extent: Extent = EVERYWHERE
    authorization: Authorization = field(default=Authorization(), compare=False)

    def of(self, statement: Statement) -> tuple[str, Mapping[str, Value]]:
        text = statement.with_returning if statement.returning else statement.sql
        if statement.narrow and self.extent.seen != ALL:
            text = statement.narrow
        sql, binds_viewer, writes = _translated(self.extent, text)
        if writes:
            return self._revalidated(sql, statement.bind)
        return sql, {**statement.bind, "viewer": self.viewer} if binds_viewer else statement.bind

    def _revalidated(self, sql: str, bind: Mapping[str, Value]) -> tuple[str, Mapping[str, Value]]:
        if self.viewer is None:
            return sql.replace(STILL_AUTHORIZED, "TRUE"), bind
        text = sql.replace(STILL_AUTHORIZED, revalidation.CONDITION)
        return text, {**bind, "viewer": self.viewer, **self.authorization.bind}


UNRESTRICTED = RowSecurity()
"""The rights of the server itself, and of everyone in open mode."""


def changeable(table: Table[Any], row: str) -> str:
    return f"changeable_{table.name}({row})"


def allowed(table: Table[Any], values: Mapping[str, str]) -> str:
    """The placeholder for the first value, or NULL if the viewer does not see rows with these values."""
    same = ",".join(f"{name}={value}" for name, value in values.items())
    return f"allowed_{table.name}[{same}]"


def by_key(table: Table[Any], row: str, key: str) -> str:
    """What follows FROM to look up the visible row, named `row`, whose key is the SQL expression `key`.

    For a table with `_REACHED` rows the key alone decides, before any row is looked up: the time needed for
    another's row would else differ from that for none.
    """
    if table in _REACHED:
        return (
            f"{table.picked} AS {row} WHERE {row}.{table.key} = {allowed(table, {table.key: key})}"
        )
    return f"{table.seen} AS {row} WHERE {row}.{table.key} = {key}"


def by_keys(table: Table[Any], row: str, keys: str) -> str:
    """Like `by_key`, for all rows whose keys are in the JSON list `keys`."""
    if table in _REACHED:
        key = allowed(table, {table.key: "wanted.value"})
        return (
            f"json_each({keys}) AS wanted"
            f" CROSS JOIN {table.picked} AS {row} ON {row}.{table.key} = {key}"
        )
    return f"{table.seen} AS {row} WHERE {row}.{table.key} IN (SELECT value FROM json_each({keys}))"


def or_hidden(table: Table[Any], row: str, column: str) -> str:
    """The placeholder that adds the rows whose value is hidden from the viewer."""
    return f" OR hidden_{table.name}({row}.{column})" if table.columns[column].private else ""


def returned(table: Table[Any]) -> str:
    return ", ".join(known(table, name) for name in table.columns)


def known(table: Table[Any], column: str) -> str:
    value = f"{table.name}.{column}"
    return f"shown_{table.name}({value})" if table.columns[column].private else value


_BY_NAME = {table.name: table for table in TABLES}
_NAMES = "|".join(_BY_NAME)
# No text of a client can contain one of these: GraphQL names have no dots or brackets.
_PLACES = re.compile(
    rf"\b(?P<way>seen|listed|picked)\.(?P<rows>{_NAMES})\b"
    rf"|\ballowed_(?P<allowed>{_NAMES})\[(?P<same>[^\]]*)\]"
    rf"|\bchangeable_(?P<changed>{_NAMES})\((?P<row>\w+)\)"
    rf"|(?P<how>\bshown| OR hidden)_(?P<private>{_NAMES})\((?P<of>\w+)\.(?P<column>\w+)\)"
)


@lru_cache(CACHED_STATEMENTS)
def _translated(extent: Extent, sql: str) -> tuple[str, bool, bool]:
    """The text for this extent, whether it binds the viewer, and whether it is revalidated."""

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
    # SQLite flattens the subquery.
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
    """The FROM clause, without FROM, for all visible rows, which are named `own`."""
    joined, test = _WALKED[table]
    first = f"{joined} CROSS JOIN " if joined else ""
    return _translated(extent, f"{first}{table.name} AS own WHERE {test}")[0]


def _test(extent: Extent, table: Table[Any]) -> str:
    """The condition on a row `{row}`, with placeholders."""
    test = _OWN[table]
    if table is ACTORS and INSTALLATIONS.name in extent.seen:
        return f"({test} OR {_HAS_SUSPENDED})"
    return f"({test} OR {_REACHED[table]})" if table in _REACHED else f"({test})"


def _sees(extent: Extent, table: Table[Any]) -> str:
    return _translated(extent, _test(extent, table).format(row="own"))[0]


def _allowed(extent: Extent, table: Table[Any], same: Mapping[str, str]) -> str:
    value = next(iter(same.values()))
    if table.name in extent.seen:
        return value
    test = _test(extent, table)
    for name, each in same.items():
        test = re.sub(rf"\+?\{{row\}}\.{name}\b", each, test)
    if "{row}" in test:
        raise ValueError(f"more than {', '.join(same)} decides about who sees {table.name}")
    return f"CASE WHEN {_translated(extent, test)[0]} THEN {value} END"


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
