"""Triggers that record each change of a row of the four tables in `changes`, whatever program makes it.

A change holds the row's whole state after it (`after`, NULL if the row is gone) and at least the columns
that changed as they were before it (`before`, NULL if there was no row): JSON objects by column. A BLOB,
which JSON cannot hold, is `{"blob": "<hex>"}`. Who writes, and why, is the only row of `writing`, which lives
as long as the transaction that fills it; without one, another program writes.
"""

import re
from collections.abc import Iterable
from typing import Any

from db.migrating import instant_triggers
from db.model import instant_forms
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, Table

EXTERNAL = "external"
"""The cause of what another program writes."""
BEGUN_BY = "migrate"
"""The cause of the first change of rows that are older than their history."""

# Rows that a unique index over several columns does not allow together, and the columns that decide it.
_ALIKE = {
    CONNECTIONS: (
        ("source_chitty_id", "target_service", "target_endpoint", "status"),
        """row.status = 'active' AND NEW.status = 'active'
        AND row.source_chitty_id = NEW.source_chitty_id AND row.target_service = NEW.target_service
        AND coalesce(row.target_endpoint, '') = coalesce(NEW.target_endpoint, '')""",
    )
}
_COLUMNS = "sequence, at, actor, cause, request_id, kind, key, operation, is_private, before, after"
_NEXT = "(SELECT coalesce(max(sequence), 0) + 1 FROM changes)"
# Of what another program writes, the row alone may tell when; else it was not before the last change.
_LAST_TIME = """coalesce(
            (SELECT at FROM changes ORDER BY sequence DESC LIMIT 1), '1970-01-01T00:00:00.000Z'
        )"""
# REPLACE deletes rows without their triggers, unless these are recursive. So rows that may be replaced are
# noted before each write that meets one, and are looked for after it. What is noted too long does no harm.
#
# Where an instant is not canonical, a trigger makes it so, before or after these. Then the row is recorded as
# it is once that was done, which is no change of its own.
#
# VALUES with subqueries, where it is possible, since SQLite makes a temporary table for a SELECT from the
# table that it inserts into.
_TRIGGERS = """\
CREATE TRIGGER {table}_history_of_new AFTER INSERT ON {table}
WHEN {plain}
    AND NOT EXISTS (SELECT 1 FROM replaced_rows WHERE kind = '{table}' AND key = NEW.{key})
BEGIN
    INSERT INTO changes ({columns})
    VALUES (
        {next}, coalesce((SELECT at FROM writing), NEW.updated_at), {writer},
        '{table}', NEW.{key}, 'created', FALSE, NULL, {new}
    );
END;

CREATE TRIGGER {table}_history AFTER UPDATE ON {table}
WHEN OLD.{key} IS NEW.{key}
    AND {plain}
    AND NOT EXISTS (SELECT 1 FROM {reader}) AND (
        {changed}
    )
BEGIN
    INSERT INTO changes ({columns})
    VALUES (
        {next},
        coalesce(
            (SELECT at FROM writing), iif(NEW.updated_at <> OLD.updated_at, NEW.updated_at, {last_time})
        ),
        {writer}, '{table}', NEW.{key}, {operation}, {is_private}, {before}, {new}
    );
    DELETE FROM replaced_rows WHERE kind = '{table}' AND key = NEW.{key};
END;

CREATE TRIGGER {table}_history_of_old AFTER DELETE ON {table}
BEGIN
    {record_old}
END;

CREATE TRIGGER {table}_history_of_key AFTER UPDATE OF {key} ON {table}
WHEN OLD.{key} IS NOT NEW.{key}
BEGIN
    {record_old}
    {canonical_now}
    {record_row};
END;

CREATE TRIGGER {table}_history_of_odd AFTER UPDATE ON {table}
WHEN OLD.{key} IS NEW.{key} AND NOT (
        {plain}
    ) AND NOT EXISTS (SELECT 1 FROM {reader}) AND (
        {changed}
    )
BEGIN
    {canonical_now}
    INSERT INTO changes ({columns})
    SELECT {next},
        coalesce(
            (SELECT at FROM writing),
            iif(row.updated_at IS NOT OLD.updated_at, {own_time}, NULL),
            {last_time}
        ),
        {writer}, '{table}', row.{key}, {operation_of_odd}, {is_private_of_odd}, {before_odd}, {row}
    FROM {table} AS row WHERE row.rowid = NEW.rowid AND (
        {changed_of_odd}
    );
END;

CREATE TRIGGER {table}_history_of_odd_and_replaced AFTER INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM replaced_rows WHERE kind = '{table}') OR NOT (
        {plain}
    )
BEGIN
    {canonical_now}
    {record_replaced} AND old.key IS NOT NEW.{key};
    {record_row} AND (
        EXISTS (SELECT 1 FROM replaced_rows WHERE kind = '{table}' AND key = NEW.{key}) OR NOT (
            {plain}
        )
    );
END;

CREATE TRIGGER {table}_history_of_replaced AFTER UPDATE OF {deciding} ON {table}
WHEN EXISTS (SELECT 1 FROM replaced_rows WHERE kind = '{table}')
BEGIN
    {record_replaced} AND old.key IS NOT OLD.{key} AND old.key IS NOT NEW.{key};
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
"""
_STATEMENTS = {
    "canonical_now": """\
UPDATE {table} SET {first} = {first} WHERE rowid = NEW.rowid AND NOT (
        {canonical}
    );""",
    "record_row": """\
INSERT INTO changes ({columns})
    SELECT {next}, coalesce((SELECT at FROM writing), {own_time}, {last_time}), {writer},
        '{table}', row.{key}, iif(old.row IS NULL, 'created', {operation_of_replaced}), FALSE,
        old.row, row.now
    FROM (SELECT *, {row} AS now FROM {table} AS row WHERE row.rowid = NEW.rowid) AS row
        LEFT JOIN (
            SELECT after AS row FROM changes WHERE kind = '{table}' AND key = NEW.{key}
            ORDER BY sequence DESC LIMIT 1
        ) AS old
    WHERE old.row IS NOT row.now""",
    "record_old": """\
INSERT INTO changes ({columns})
    VALUES (
        {next}, coalesce((SELECT at FROM writing), {last_time}), {writer},
        '{table}', OLD.{key}, 'deleted', FALSE, {old}, NULL
    );
    DELETE FROM replaced_rows WHERE kind = '{table}' AND key = OLD.{key};""",
    "record_replaced": """\
INSERT INTO changes ({columns})
    SELECT {next} - 1 + row_number() OVER (ORDER BY old.key),
        coalesce((SELECT at FROM writing), {last_time}), {writer},
        '{table}', old.key, 'deleted', FALSE, old.row, NULL
    FROM (
        SELECT met.key, (
            SELECT after FROM changes WHERE kind = '{table}' AND key = met.key
            ORDER BY sequence DESC LIMIT 1
        ) AS row
        FROM replaced_rows AS met
        WHERE met.kind = '{table}'
            AND NOT EXISTS (SELECT 1 FROM {table} AS row WHERE row.{key} = met.key)
    ) AS old
    WHERE old.row IS NOT NULL""",
}
_BEGIN = """\
INSERT INTO changes ({columns})
SELECT
    {next} - 1 + row_number() OVER (ORDER BY row.rowid),
    coalesce({own_time}, {last_time}), NULL, '{begun_by}', NULL,
    '{table}', row.{key}, 'created', FALSE, NULL, {row}
FROM {table} AS row ORDER BY row.rowid;
"""


def create(table: Table[Any]) -> str:
    """SQL for the triggers of a table."""
    parts = _parts(table)
    statements = {name: sql.format(**parts) for name, sql in _STATEMENTS.items()}
    return _TRIGGERS.format(**parts, **statements)


def begin(table: Table[Any]) -> str:
    """SQL that gives each row of a table its first change, before there are triggers."""
    return _BEGIN.format(**_parts(table))


def names(table: Table[Any]) -> list[str]:
    return re.findall(r"CREATE TRIGGER (\w+)", _TRIGGERS.replace("{table}", table.name))


def _parts(table: Table[Any]) -> dict[str, str]:
    written = instant_triggers.of(table)
    deciding, alike = _ALIKE.get(table, ((), ""))
    unique = [table.key, *sorted(table.unique)]
    canonical = instant_triggers.canonical(written, "NEW.")
    has_no_blob = " AND ".join(f"typeof(NEW.{name}) <> 'blob'" for name in table.columns)
    met = [f"row.{name} = NEW.{name}" for name in unique]
    return {
        "table": table.name,
        "key": table.key,
        "columns": _COLUMNS,
        "next": _NEXT,
        "writer": "(SELECT actor FROM writing),"
        f" coalesce((SELECT cause FROM writing), '{EXTERNAL}'), (SELECT request_id FROM writing)",
        "begun_by": BEGUN_BY,
        "reader": instant_forms.READ_BY_SQL,
        "first": written.instants[0],
        "canonical": canonical,
        "plain": f"{canonical}\n    AND {has_no_blob}",
        "own_time": f"iif(row.updated_at GLOB '{instant_triggers.SHAPE}', row.updated_at, NULL)",
        "last_time": _LAST_TIME,
        "deciding": ", ".join([*unique, *deciding]),
        "met": " OR ".join([*met, alike] if alike else met),
        "row": _object(table, "row"),
        "new": _object(table, "NEW", may_have_blobs=False),
        "old": _object(table, "OLD"),
        "changed": _changed(table.columns, "NEW"),
        "changed_of_odd": _changed(table.columns, "row"),
        "before": _changed_before(table, "NEW"),
        "before_odd": _changed_before(table, "row"),
        "is_private": _is_private(table, "NEW"),
        "is_private_of_odd": _is_private(table, "row"),
        "operation": _operation(table, r"OLD.\1", "NEW"),
        "operation_of_odd": _operation(table, r"OLD.\1", "row"),
        "operation_of_replaced": _operation(table, r"(old.row ->> '\1')", "row"),
    }


def _value(name: str) -> str:
    return f"iif(typeof({name}) = 'blob', json_object('blob', hex({name})), {name})"


def _object(table: Table[Any], row: str, *, may_have_blobs: bool = True) -> str:
    values = (f"{row}.{name}" for name in table.columns)
    members = map(_value, values) if may_have_blobs else values
    pairs = (f"'{name}', {value}" for name, value in zip(table.columns, members, strict=True))
    return f"json_object({', '.join(pairs)})"


def _changed(names: Iterable[str], row: str) -> str:
    # COLLATE: in a table that another program made, `a` may equal `A`.
    return "\n        OR ".join(f"OLD.{name} IS NOT {row}.{name} COLLATE BINARY" for name in names)


def _changed_before(table: Table[Any], row: str) -> str:
    members = "\n            || ".join(
        f"iif(OLD.{name} IS NOT {row}.{name} COLLATE BINARY,"
        f" ',\"{name}\":' || json_quote({_value(f'OLD.{name}')}), '')"
        for name in table.columns
    )
    return f"'{{' || substr({members}, 2) || '}}'"


def _is_private(table: Table[Any], row: str) -> str:
    public = [name for name, column in table.columns.items() if column.private is None]
    if len(public) == len(table.columns):
        return "FALSE"
    return f"NOT (\n            {_changed(public, row)}\n        )"


def _operation(table: Table[Any], old: str, row: str) -> str:
    was_live = re.sub(r"\{row\}\.(\w+)", old, table.live)
    is_live = table.live.format(row=row)
    return (
        f"CASE WHEN ({was_live}) IS ({is_live}) THEN 'updated'"
        f" WHEN {is_live} THEN 'restored' ELSE 'deleted' END"
    )


HISTORIED: tuple[Table[Any], ...] = (ACTORS, INSTALLATIONS, CONTEXTS, CONNECTIONS)
"""The tables with a history, in the order in which it begins: parents before children."""
