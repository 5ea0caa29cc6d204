"""Row security: which rows a viewer sees and may change, as SQL inside every statement.

Statements contain placeholders, which no database accepts: RowSecurity replaces them for a viewer.

* `seen.contexts`, and in lists `listed.contexts` and `picked.contexts` (see Table): the table itself, or its
  visible rows, whose private columns are hidden from filters, orderings, counts and cursors too. Of
  `linked.contexts` only the columns are there that lead to other rows.
* `changeable_contexts(row)`: whether the viewer may change the row.
* `shown_connections(row.column)`: the value of a private column, or what the viewer sees in its place.
* `sought_connections(row.column)`: the column, kept from indexes unless the viewer sees the whole table.
* `allowed_contexts[…]`, ` OR hidden_actors(row.column)`: see `allowed` and `or_hidden`.
* `still_authorized()`: whether the viewer may still write (db.security.revalidation).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from db.model import services
from db.model.services import SERVICES
from db.model.tables import (
    ACTORS,
    CHANGES,
    CONNECTIONS,
    INSTALLATIONS,
    REFERENCES,
    TABLES,
    Table,
)
from db.program import Statement, Value
from db.security import change_security, revalidation
from db.security.revalidation import STILL_AUTHORIZED, Authorization
from db.security.row_rules import ALL as ALL
from db.security.row_rules import EVERYWHERE as EVERYWHERE
from db.security.row_rules import HAS_SUSPENDED, OWN, REACHED, WALKED
from db.security.row_rules import Extent as Extent
from db.security.row_rules import allowed as allowed
from db.security.row_rules import by_key as by_key
from db.security.row_rules import by_keys as by_keys

CACHED_STATEMENTS = 4_096


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


def or_hidden(table: Table[Any], row: str, column: str) -> str:
    """The placeholder that adds the rows whose value is hidden from the viewer."""
    return f" OR hidden_{table.name}({row}.{column})" if table.columns[column].private else ""


def returned(table: Table[Any]) -> str:
    """The columns of the row that a statement has written, each under its own name."""
    return ", ".join(
        f"{known(table, name)} AS {name}" if column.private else f"{table.name}.{name}"
        for name, column in table.columns.items()
    )


def known(table: Table[Any], column: str) -> str:
    value = f"{table.name}.{column}"
    return f"shown_{table.name}({value})" if table.columns[column].private else value


LINKS = {
    table: [table.key, *(each.column for each in REFERENCES if each.parent is table)]
    for table in TABLES
}
_BY_NAME = {table.name: table for table in (*TABLES, CHANGES, SERVICES)}
_NAMES = "|".join(_BY_NAME)
# No text of a client can contain one of these: GraphQL names have no dots or brackets.
_PLACES = re.compile(
    rf"\b(?P<way>seen|listed|picked|linked)\.(?P<rows>{_NAMES})\b"
    rf"|\ballowed_(?P<allowed>{_NAMES})\[(?P<same>[^\]]*)\]"
    rf"|\bsought_(?P<sought>{_NAMES})\((?P<place>\w+\.\w+)\)"
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
        if place["sought"]:
            # An index of it leads to others' rows: the time for skipping them would tell how many there are.
            return ("" if place["sought"] in extent.seen else "+") + place["place"]
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
    if table is SERVICES:
        names = services.names(sees_all=CONNECTIONS.name in extent.seen)
        return _translated(extent, names)[0]
    if table is CHANGES:
        return _translated(extent, change_security.rows(extent, way))[0]
    columns = LINKS[table] if way == "linked" else table.columns
    values = {name: _value(extent, table, "own", name) for name in columns}
    sees_all = way == "picked" or table.name in extent.seen
    if sees_all and all(value == f"own.{name}" for name, value in values.items()):
        return table.name
    shown = ", ".join(f"{value} AS {name}" for name, value in values.items())
    rows = f"{table.name} AS own"
    if not sees_all:
        rows = _walked(extent, table) if way != "seen" else f"{rows} WHERE {_sees(extent, table)}"
    return f"(SELECT own.rowid AS rowid, {shown} FROM {rows})"


def _walked(extent: Extent, table: Table[Any]) -> str:
    """The FROM clause, without FROM, for all visible rows, which are named `own`."""
    joined, test = WALKED[table]
    first = f"{joined} CROSS JOIN " if joined else ""
    return _translated(extent, f"{first}{table.name} AS own WHERE {test}")[0]


def _test(extent: Extent, table: Table[Any]) -> str:
    """The condition on a row `{row}`, with placeholders."""
    test = OWN[table]
    if table is ACTORS and INSTALLATIONS.name in extent.seen:
        return f"({test} OR {HAS_SUSPENDED})"
    return f"({test} OR {REACHED[table]})" if table in REACHED else f"({test})"


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
    only_own_are_seen = table.name not in extent.seen and table not in REACHED
    if private is None or table.name in extent.shown or only_own_are_seen:
        return stored
    hidden = "NULL"
    if private.hidden is not None:
        hidden = f"CASE WHEN {stored} IS NOT NULL THEN '{private.hidden}' END"
    return f"CASE WHEN {OWN[table].format(row=row)} THEN {stored} ELSE {hidden} END"


def _may_change(extent: Extent, table: Table[Any], row: str) -> str:
    return "TRUE" if table.name in extent.changed else f"({OWN[table].format(row=row)})"
