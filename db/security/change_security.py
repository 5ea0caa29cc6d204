"""Row security of changes, which follows from that of the rows that changed.

Who sees a row today sees its changes: without those of private columns only, if it does not see these, and
with null for references to rows that it does not see. The changes of a row that is gone are for those who
audit. They see every change, with private columns only where the row would show them.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from db.model.tables import ACTORS, CHANGES, REFERENCES, TABLES, Table
from db.security.row_rules import ALL, OWN, REACHED, Extent, allowed

# In place of a text that is no JSON, in which nothing can be hidden.
UNREADABLE = "?"

# The + takes the affinity of its column from a key: the index of changes has keys of every table.
_WALKED = " UNION ALL ".join(
    f"SELECT '{table.name}' AS kind, +row.{table.key} AS key FROM {table.listed} AS row"
    for table in TABLES
)


def rows(extent: Extent, way: str) -> str:
    """The subquery in place of the table `changes`, with placeholders; `way` is as for all tables."""
    values = {
        name: _json(extent, name) if name in ("before", "after") else f"own.{name}"
        for name in CHANGES.columns
    }
    if not extent.audits and ACTORS.name not in extent.seen:
        values["actor"] = allowed(ACTORS, {ACTORS.key: "own.actor"})
    # The + leaves it to a list where its walk begins: at a cursor, or at the first change that is retained.
    changes, conditions = "changes AS own", [f"+{CHANGES.live.format(row='own')}"]
    if way != "picked" and not extent.audits:
        if way == "listed" and extent.seen != ALL:
            changes = f"({_WALKED}) AS mine CROSS JOIN {changes}"
            conditions += ["own.kind = mine.kind", "own.key = mine.key"]
        else:
            seen = {table: _is_seen(extent, table, "+own.key") for table in TABLES}
            conditions += [_by_kind(seen, "FALSE")]
    shown = {table: _shows_private(extent, table) for table in TABLES}
    if set(shown.values()) != {"TRUE"}:
        conditions.append(f"(NOT own.is_private OR {_by_kind(shown, 'TRUE')})")
    selected = ", ".join(f"{value} AS {name}" for name, value in values.items())
    where = " AND ".join(conditions)
    return f"(SELECT own.rowid AS rowid, {selected} FROM {changes} WHERE {where})"


def _by_kind(values: Mapping[Table[Any], str], otherwise: str) -> str:
    cases = [
        f"WHEN '{table.name}' THEN {value}" for table, value in values.items() if value != otherwise
    ]
    return f"CASE own.kind {' '.join(cases)} ELSE {otherwise} END" if cases else otherwise


def _is_seen(extent: Extent, table: Table[Any], key: str) -> str:
    """Whether the viewer sees the row with this key, in fewer words than by a subquery of visible rows."""
    key = allowed(table, {table.key: key}) if table in REACHED else key
    is_own = table not in REACHED and table.name not in extent.seen
    test = f" AND {OWN[table].format(row='row')}" if is_own else ""
    return f"EXISTS (SELECT 1 FROM {table.name} AS row WHERE row.{table.key} = {key}{test})"


def _shows_private(extent: Extent, table: Table[Any]) -> str:
    """Whether the viewer sees the private columns of the row that changed."""
    if not table.private or table.name in extent.shown:
        return "TRUE"
    if table is ACTORS:
        return "own.key = :viewer"
    only_own_are_seen = table.name not in extent.seen and table not in REACHED
    if only_own_are_seen and not extent.audits:
        return "TRUE"
    return (
        f"EXISTS (SELECT 1 FROM {table.name} AS row"
        f" WHERE row.{table.key} = +own.key AND {OWN[table].format(row='row')})"
    )


def _json(extent: Extent, column: str) -> str:
    """SQL for `before` or `after` as the viewer may see it."""
    stored = f"own.{column}"
    hidden = {table: _hidden(extent, table, stored) for table in TABLES}
    if set(hidden.values()) == {stored}:
        return stored
    return (
        f"CASE WHEN {stored} IS NULL THEN NULL WHEN NOT json_valid({stored}) THEN '{UNREADABLE}'"
        f" ELSE {_by_kind(hidden, stored)} END"
    )


def _hidden(extent: Extent, table: Table[Any], stored: str) -> str:
    """The JSON of a row with what the viewer may not see removed or replaced."""
    text = _without_private(extent, table, stored)
    targets: dict[str, list[Table[Any]]] = defaultdict(list)
    for relation in REFERENCES:
        if relation.parent is table:
            targets[relation.column].append(relation.child)
    replaced = [
        f"'$.{name}', CASE WHEN {_leads_to_seen(extent, stored, name, children)}"
        f" THEN {stored} ->> '$.{name}' END"
        for name, children in targets.items()
        if not extent.audits and not all(child.name in extent.seen for child in children)
    ]
    return f"json_replace({text}, {', '.join(replaced)})" if replaced else text


def _without_private(extent: Extent, table: Table[Any], stored: str) -> str:
    shows = _shows_private(extent, table)
    if shows == "TRUE":
        return stored
    text = stored
    removed = [f"'$.{name}'" for name, private in table.private.items() if private.hidden is None]
    if removed:
        text = f"json_remove({text}, {', '.join(removed)})"
    for name, private in table.private.items():
        if private.hidden is not None:
            value = f"{stored} ->> '$.{name}'"
            text = (
                f"json_replace({text}, '$.{name}', iif({value} IS NULL, NULL, '{private.hidden}'))"
            )
    return f"CASE WHEN {shows} THEN {stored} ELSE {text} END"


def _leads_to_seen(extent: Extent, stored: str, name: str, children: list[Table[Any]]) -> str:
    value = f"({stored} ->> '$.{name}')"
    return " OR ".join(_is_seen(extent, child, value) for child in children)
