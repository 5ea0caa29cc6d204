"""Triggers that record each change of a row of the four tables in `changes`, whatever program makes it.

A change holds the row's whole state after it (`after`, NULL if the row is gone) and at least the columns
that changed as they were before it (`before`, NULL if there was no row): JSON objects by column. A BLOB,
which JSON cannot hold, is `{"blob": "<hex>"}`. Who writes, and why, is the only row of `writing`, which lives
as long as the transaction that fills it; without one, another program writes.
"""

import re
from collections.abc import Iterable
from typing import Any

from db.history import append_only
from db.migrating import instant_triggers
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, Table

EXTERNAL = "external"
"""The cause of what another program writes."""
BEGUN_BY = "migrate"
"""The cause of the first change of rows that are older than their history."""
UNKNOWN_TIME = "1970-01-01T00:00:00.000Z"
"""The time of a first change that nothing tells the time of."""

# Rows that a unique index over several columns does not allow together, and the columns that decide it.
_ALIKE = {
    CONNECTIONS: (
        ("source_chitty_id", "target_service", "target_endpoint", "status"),
        """row.status = 'active' AND NEW.status = 'active'
        AND row.source_chitty_id = NEW.source_chitty_id AND row.target_service = NEW.target_service
        AND coalesce(row.target_endpoint, '') = coalesce(NEW.target_endpoint, '')""",
    )
}
_COLUMNS = "at, actor, cause, request_id, kind, key, operation, is_private, before, after"
# Of what another program writes, the row alone may tell when; else it was not before the row's last change.
# The time of another row's change would tell whoever sees this row of that one.
_LAST_TIME = """coalesce(
            (
                SELECT at FROM changes WHERE kind = '{table}' AND key = {key}
                ORDER BY sequence DESC LIMIT 1
            ),
            '{unknown_time}'
        )"""
# A row is recorded as it is now, if that is not what the history says: triggers of others may have changed
# it before this one acts, or REPLACE may have put it in the place of another. Only if OLD is what the history
# says does `before` hold no more than what changed.
#
# What the history says is a column of the row and no table that is joined: SQLite would make a temporary one.
#
# The sequence number is left to SQLite, which takes the next one: no change is ever removed but old ones.
#
# REPLACE deletes rows without their triggers, unless these are recursive. So rows that may be replaced are
# noted before each write that meets one, and are looked for after it. What is noted too long does no harm.
_TRIGGERS = """\
CREATE TRIGGER {table}_history_of_new AFTER INSERT ON {table}
BEGIN
    INSERT INTO changes ({columns})
    SELECT coalesce((SELECT at FROM writing), {own_time}, {last_time}), {writer},
        '{table}', row.{key}, {operation}, FALSE, row.last, row.now
    {now_and_last};
END;

CREATE TRIGGER {table}_history AFTER UPDATE ON {table}
WHEN OLD.{key} IS NEW.{key} AND (
        {changed}
    )
BEGIN
    INSERT INTO changes ({columns})
    SELECT
        coalesce(
            (SELECT at FROM writing),
            iif(row.updated_at IS NOT OLD.updated_at, {own_time}, NULL),
            {last_time}
        ),
        {writer}, '{table}', row.{key}, {operation}, {is_private},
        iif(row.last IS row.old, {changed_before}, row.last), row.now
    {old_now_and_last};
END;

CREATE TRIGGER {table}_history_of_key AFTER UPDATE OF {key} ON {table}
WHEN OLD.{key} IS NOT NEW.{key}
BEGIN
    {record_old}
    INSERT INTO changes ({columns})
    SELECT coalesce((SELECT at FROM writing), {own_time}, {last_time}), {writer},
        '{table}', row.{key}, {operation}, FALSE, row.last, row.now
    {now_and_last};
END;

CREATE TRIGGER {table}_history_of_old AFTER DELETE ON {table}
BEGIN
    {record_old}
END;

CREATE TRIGGER {table}_met_by_new BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} AS row WHERE {met})
BEGIN
    DELETE FROM replaced_rows;
    INSERT INTO replaced_rows (kind, key)
    SELECT '{table}', row.{key} FROM {table} AS row WHERE {met};
END;

CREATE TRIGGER {table}_met BEFORE UPDATE OF {deciding} ON {table}
WHEN EXISTS (SELECT 1 FROM {table} AS row WHERE ({met}) AND row.rowid <> OLD.rowid)
BEGIN
    DELETE FROM replaced_rows;
    INSERT INTO replaced_rows (kind, key)
    SELECT '{table}', row.{key} FROM {table} AS row
    WHERE ({met}) AND row.rowid <> OLD.rowid;
END;

CREATE TRIGGER {table}_replaced_by_new AFTER INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM replaced_rows WHERE kind = '{table}')
BEGIN
    {record_replaced};
END;

CREATE TRIGGER {table}_replaced AFTER UPDATE OF {deciding} ON {table}
WHEN EXISTS (SELECT 1 FROM replaced_rows WHERE kind = '{table}')
BEGIN
    {record_replaced} AND gone.key IS NOT OLD.{key};
END;
"""
_STATEMENTS = {
    "now_and_last": """\
FROM (
        SELECT *, {row} AS now, ({last}) AS last
        FROM {table} AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now""",
    "old_now_and_last": """\
FROM (
        SELECT *, {row} AS now, {old} AS old, ({last}) AS last
        FROM {table} AS row WHERE row.rowid = NEW.rowid LIMIT 1
    ) AS row
    WHERE row.last IS NOT row.now""",
    "record_old": """\
INSERT INTO changes ({columns})
    SELECT coalesce((SELECT at FROM writing), {last_time_of_old}), {writer},
        '{table}', OLD.{key}, 'deleted', FALSE, last.row, NULL
    FROM ({last_of_old}) AS last WHERE last.row IS NOT NULL;""",
    "record_replaced": """\
INSERT INTO changes ({columns})
    SELECT coalesce((SELECT at FROM writing), {last_time_of_gone}), {writer},
        '{table}', gone.key, 'deleted', FALSE, gone.row, NULL
    FROM (
        SELECT met.key, ({last_of_met}) AS row
        FROM replaced_rows AS met
        WHERE met.kind = '{table}'
            AND NOT EXISTS (SELECT 1 FROM {table} AS row WHERE row.{key} = met.key)
    ) AS gone
    WHERE gone.row IS NOT NULL""",
}
_LAST = """SELECT after AS row FROM changes WHERE kind = '{table}' AND key = {key}
            ORDER BY sequence DESC LIMIT 1"""
# In two steps: SQLite would copy all rows that it adds to a table while it reads it.
_BEGIN = """\
INSERT INTO replaced_rows (kind, key)
SELECT '{table}', row.{key} FROM {table} AS row
WHERE NOT EXISTS (SELECT 1 FROM changes WHERE kind = '{table}' AND key = row.{key});
INSERT INTO changes ({columns})
SELECT coalesce({own_time}, '{unknown_time}'), NULL, '{begun_by}', NULL,
    '{table}', row.{key}, 'created', FALSE, NULL, {row}
FROM replaced_rows AS begun JOIN {table} AS row ON row.{key} = begun.key
WHERE begun.kind = '{table}';
DELETE FROM replaced_rows;
"""


def create(table: Table[Any]) -> str:
    """SQL for the triggers of a table."""
    parts = parts_of(table)
    statements = {name: sql.format(**parts) for name, sql in _STATEMENTS.items()}
    return _TRIGGERS.format(**parts, **statements)


def begin(table: Table[Any]) -> str:
    """SQL that gives each row of a table its first change, if it has none."""
    return _BEGIN.format(**parts_of(table))


def names(table: Table[Any]) -> list[str]:
    return re.findall(r"CREATE TRIGGER (\w+)", _TRIGGERS.replace("{table}", table.name))


def parts_of(table: Table[Any]) -> dict[str, str]:
    """SQL about a table, its rows and their changes, from which statements are made."""
    deciding, alike = _ALIKE.get(table, ((), ""))
    unique = [table.key, *sorted(table.unique)]
    met = [f"row.{name} = NEW.{name}" for name in unique]
    was_live = re.sub(r"\{row\}\.(\w+)", r"(row.last ->> '\1')", table.live)
    is_live = table.live.format(row="row")
    return {
        "table": table.name,
        "key": table.key,
        "columns": _COLUMNS,
        "writer": "(SELECT actor FROM writing),"
        f" coalesce((SELECT cause FROM writing), '{EXTERNAL}'), (SELECT request_id FROM writing)",
        "begun_by": BEGUN_BY,
        "own_time": f"iif(row.updated_at GLOB '{instant_triggers.SHAPE}', row.updated_at, NULL)",
        "last_time": _last_time(table, f"row.{table.key}"),
        "last_time_of_old": _last_time(table, f"OLD.{table.key}"),
        "last_time_of_gone": _last_time(table, "gone.key"),
        "unknown_time": UNKNOWN_TIME,
        "last": _LAST.format(table=table.name, key=f"NEW.{table.key}"),
        "last_of_old": _LAST.format(table=table.name, key=f"OLD.{table.key}"),
        "last_of_met": _LAST.format(table=table.name, key="met.key"),
        "deciding": ", ".join([*unique, *deciding]),
        "met": " OR ".join([*met, alike] if alike else met),
        "row": _object(table, "row"),
        "old": _object(table, "OLD"),
        "changed": _changed(table.columns, "NEW"),
        "changed_before": _changed_before(table),
        "is_private": _is_private(table),
        "operation": f"CASE WHEN row.last IS NULL THEN 'created'"
        f" WHEN ({was_live}) IS ({is_live}) THEN 'updated'"
        f" WHEN {is_live} THEN 'restored' ELSE 'deleted' END",
    }


def _last_time(table: Table[Any], key: str) -> str:
    return _LAST_TIME.format(table=table.name, key=key, unknown_time=UNKNOWN_TIME)


def _value(name: str) -> str:
    return f"iif(typeof({name}) = 'blob', json_object('blob', hex({name})), {name})"


def _object(table: Table[Any], row: str) -> str:
    pairs = (f"'{name}', {_value(f'{row}.{name}')}" for name in table.columns)
    return f"json_object({', '.join(pairs)})"


def _changed(names: Iterable[str], row: str) -> str:
    # COLLATE: in a table that another program made, `a` may equal `A`.
    return "\n        OR ".join(f"OLD.{name} IS NOT {row}.{name} COLLATE BINARY" for name in names)


def _changed_before(table: Table[Any]) -> str:
    members = "\n            || ".join(
        f"iif(OLD.{name} IS NOT row.{name} COLLATE BINARY,"
        f" ',\"{name}\":' || json_quote({_value(f'OLD.{name}')}), '')"
        for name in table.columns
    )
    return f"'{{' || substr({members}, 2) || '}}'"


def _is_private(table: Table[Any]) -> str:
    private = [name for name, column in table.columns.items() if column.private is not None]
    if not private:
        return "FALSE"
    paths = ", ".join(f"'$.{name}'" for name in private)
    public = [name for name in table.columns if name not in private]
    return (
        f"iif(row.last IS row.old, NOT (\n        {_changed(public, 'row')}\n        ),"
        f"\n            json_remove(row.last, {paths}) IS json_remove(row.now, {paths}))"
    )


HISTORIED: tuple[Table[Any], ...] = (ACTORS, INSTALLATIONS, CONTEXTS, CONNECTIONS)
"""The tables with a history, in the order in which it begins: parents before children."""
NAMES = frozenset([*append_only.NAMES, *(name for each in HISTORIED for name in names(each))])
"""All triggers on which the history relies."""
