"""Triggers that bring instants to canonical form, whatever program writes them in whatever form.

Lists compare instants as text, off indexes, and other programs may share the database.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from db.model import column_types, instant_forms
from db.model.tables import TABLES, Table


@dataclass(frozen=True, slots=True)
class Written:
    """A table and its instants; `key` finds a row.

    An empty text is NULL in those that are `optional`. Those that are `required` get the nearest instant of
    the row for NULL, as in a repair: the first of them that has one.
    """

    table: str
    instants: Sequence[str]
    key: Sequence[str] = ("rowid",)
    optional: Collection[str] = ()
    required: Sequence[str] = ()


def of(table: Table[Any]) -> Written:
    instants = [column for column in table.columns.values() if column.type is column_types.INSTANT]
    return Written(
        table.name,
        [column.name for column in instants],
        optional=[column.name for column in instants if column.nullable],
        required=["updated_at", table.newest],
    )


WRITTEN = (
    *map(of, TABLES),
    Written("api_keys", ["created_at", "expires_at", "revoked_at"]),
    Written("webhook_deliveries", ["received_at", "last_received_at"]),
    Written("installation_facts", ["at"], key=["installation_id", "aspect"]),
    Written("waiting_installations", ["since", "claimed_until", "retry_at"]),
)

# What has this shape is canonical, or no instant in any form.
SHAPE = "????-??-??T??:??:??.???Z"
# The table that reads instants has rows only while a trigger acts. It saves time: every connection parses all
# triggers, and without it each of them would hold the SQL that reads.
# The second makes the first act. Where recursive triggers are on, the first acts on what it does itself, too,
# and finds nothing to change then, not even where a value cannot be read.
_TRIGGERS = """\
CREATE TRIGGER {table}_canonical_instants AFTER UPDATE OF {names} ON {table}
WHEN NOT (
    {canonical}
)
BEGIN
    DELETE FROM {reader};
    INSERT INTO {reader} (place, stored)
    VALUES {values};
    UPDATE {table} SET
        {settings}
    FROM (
        SELECT
            {read}
        FROM {reader}
    ) AS canonical
    WHERE {same} AND (
        {differs}
    );
    DELETE FROM {reader};
END;

CREATE TRIGGER {table}_canonical_instants_of_new AFTER INSERT ON {table}
WHEN NOT (
    {canonical}
)
BEGIN
    UPDATE {table} SET {first} = {first} WHERE {same};
END;
"""
_CONVERT = """\
UPDATE {table} SET {first} = {first}
WHERE NOT (
    {canonical}
);
"""


def create(written: Written) -> str:
    """SQL for the two triggers of a table. A value that cannot be read stays as it is."""
    names, table = written.instants, written.table
    return _TRIGGERS.format(
        table=table,
        names=", ".join(names),
        first=names[0],
        canonical=canonical(written, "NEW."),
        settings=",\n        ".join(f"{name} = canonical.{name}" for name in names),
        read=",\n            ".join(f"{_converted(written, name)} AS {name}" for name in names),
        reader=instant_forms.READ_BY_SQL,
        values=", ".join(f"({place}, NEW.{name})" for place, name in enumerate(names, 1)),
        same=" AND ".join(f"{table}.{name} = NEW.{name}" for name in written.key),
        differs="\n        OR ".join(
            f"canonical.{name} IS NOT {table}.{name} COLLATE BINARY" for name in names
        ),
    )


def _converted(written: Written, name: str) -> str:
    """SQL for the new value, where the instants of the row have their place in `instants`."""

    def read(column: str) -> str:
        return f"max(iif(place = {written.instants.index(column) + 1}, instant, NULL))"

    if name in written.required:
        others = [read(other) for other in written.required if other != name]
        return f"coalesce({', '.join([read(name), f'NEW.{name}', *others])})"
    converted = f"coalesce({read(name)}, NEW.{name})"
    return f"nullif({converted}, '')" if name in written.optional else converted


def convert(written: Written) -> str:
    """SQL that makes the triggers convert what was stored before them."""
    return _CONVERT.format(
        table=written.table, first=written.instants[0], canonical=canonical(written, "")
    )


def canonical(written: Written, row: str) -> str:
    """SQL: no instant of the row is to be converted. The cost of a canonical row is this alone."""
    return "\n    AND ".join(
        f"coalesce({row}{name} GLOB '{SHAPE}', {str(name not in written.required).upper()})"
        for name in written.instants
    )
