"""The rules of row security: which rows are a viewer's own, which ones these lead to, and what else it sees.

They are SQL with the placeholders that RowSecurity replaces.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from db.model.services import SERVICES, with_names
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, TABLES, Table

# SQL for a row, named `{row}`, that is the viewer's own; `:viewer` is the viewer's ChittyID.
OWN: dict[Table[Any], str] = {
    # The + keeps SQLite from starting with all rows of the viewer when a key is looked up.
    ACTORS: "+{row}.chitty_id = :viewer",
    CONTEXTS: "+{row}.owner_chitty_id = :viewer",
    # The type tells apart an actor and a context with the same id, which other programs may store.
    CONNECTIONS: "CASE {row}.source_type WHEN 'actor' THEN {row}.source_chitty_id = :viewer"
    " ELSE {row}.source_chitty_id <> :viewer AND EXISTS (SELECT 1 FROM contexts AS mine"
    " WHERE mine.chitty_id = {row}.source_chitty_id AND mine.owner_chitty_id = :viewer) END",
    INSTALLATIONS: "FALSE",  # GitHub's, whoever recorded it
}
# What the viewer's own rows lead to. `linked` rows are `listed` ones without the columns that lead nowhere:
# statements are half as long with them.
_SUSPENDERS = """SELECT reached.suspended_by_chitty_id FROM linked.installations AS reached
    WHERE reached.suspended_by_chitty_id IS NOT NULL"""
_THROUGH = """SELECT through.installation_id FROM linked.connections AS through
    WHERE through.installation_id IS NOT NULL"""
# These rows are visible too. They are found from the viewer's own rows: found from the row itself, by
# skipping the rows of others that lead to it, the time needed would reveal that the row exists.
REACHED: dict[Table[Any], str] = {
    ACTORS: f"+{{row}}.chitty_id IN ({_SUSPENDERS})",
    INSTALLATIONS: f"+{{row}}.installation_id IN ({_THROUGH})",
}
# For a viewer who sees all installations, a list of those who suspended them is not worth making.
HAS_SUSPENDED = """EXISTS (SELECT 1 FROM seen.installations AS reached
    WHERE reached.suspended_by_chitty_id = {row}.chitty_id)"""
# The same rules for whole lists, worded so that SQLite starts from what the viewer sees: what the row,
# named `own`, is joined to, and the condition.
WALKED: dict[Table[Any], tuple[str, str]] = {
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


class Extent(NamedTuple):
    """The tables of which the viewer sees all rows, sees all private columns, and may change all rows.

    Whoever `audits` sees all changes, of rows that are gone too.
    """

    # A tuple, since each statement's text is looked up by it: a data class is hashed in Python.

    seen: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    audits: bool = False


ALL = frozenset(table.name for table in TABLES)
EVERYWHERE = Extent(ALL, ALL, ALL, audits=True)


def allowed(table: Table[Any], values: Mapping[str, str]) -> str:
    """The placeholder for the first value, or NULL if the viewer does not see rows with these values."""
    same = ",".join(f"{name}={value}" for name, value in values.items())
    return f"allowed_{table.name}[{same}]"


def by_key(table: Table[Any], row: str, key: str) -> str:
    """What follows FROM to look up the visible row, named `row`, whose key is the SQL expression `key`.

    For a table with `REACHED` rows the key alone decides, before any row is looked up: the time needed for
    another's row would else differ from that for none.
    """
    if table in REACHED:
        return (
            f"{table.picked} AS {row} WHERE {row}.{table.key} = {allowed(table, {table.key: key})}"
        )
    return f"{table.seen} AS {row} WHERE {row}.{table.key} = {key}"


def by_keys(table: Table[Any], row: str, keys: str) -> str:
    """Like `by_key`, for all rows whose keys are in the JSON list `keys`."""
    if table is SERVICES:
        return with_names(row, keys)
    if table in REACHED:
        key = allowed(table, {table.key: "wanted.value"})
        return (
            f"json_each({keys}) AS wanted"
            f" CROSS JOIN {table.picked} AS {row} ON {row}.{table.key} = {key}"
        )
    return f"{table.seen} AS {row} WHERE {row}.{table.key} IN (SELECT value FROM json_each({keys}))"
