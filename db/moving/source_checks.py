"""Finds out beforehand what of a source the target could not hold exactly as it is stored."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from db.errors import BootRefused
from db.model import searched
from db.moving import row_texts
from db.moving.ends import End
from db.moving.moved_tables import LEFT, MovedTable
from db.program import Value
from db.remote.transport import Bound
from db.sqlite.catalog import affinity_of

MOST_NAMED = 20
SQLITE_INTEGER = 2**63 - 1
SQLITE_VALUE_BYTES = 10**9
WRAPPING_BYTES = 1_000  # of the JSON around a row, and of names

TABLES = """
    SELECT name FROM sqlite_master
    WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name NOT LIKE '!_cf!_%' ESCAPE '!'
    ORDER BY name
"""
COLUMNS = """
    SELECT lower(name) AS name, upper(type) AS type
    FROM pragma_table_xinfo(:table) WHERE hidden < 2 ORDER BY cid
"""
FIND = "SELECT {key} AS key, {column} AS name FROM {table} WHERE {condition} LIMIT :most"
TOO_LARGE = """{bytes} > :most_bytes / 10
    AND length(CAST(json_quote({row}) AS BLOB)) > :most_bytes"""
# What a column's type would turn into a value of another type.
CONVERTED = {
    "TEXT": "typeof({column}) IN ('integer', 'real')",
    "INTEGER": "typeof({column}) = 'real' OR (typeof({column}) = 'text' AND {column} GLOB '*[0-9]*')",
    "NUMERIC": "typeof({column}) = 'real' OR (typeof({column}) = 'text' AND {column} GLOB '*[0-9]*')",
    "REAL": "typeof({column}) IN ('integer', 'text')",
    "BLOB": "FALSE",
}


@dataclass(frozen=True, slots=True)
class Others:
    """Tables and columns of other programs, which are not moved."""

    tables: Sequence[str]
    columns: Sequence[str]

    def __str__(self) -> str:
        return ", ".join([*self.tables, *self.columns])


async def others(source: End, tables: Sequence[MovedTable]) -> Others:
    """What the source has beside the registry."""
    ours = {each.name: each for each in tables}
    (found,) = await source.read(Bound(TABLES, {}))
    names = [str(name) for (name,) in found]
    columns: list[str] = []
    for table in tables:
        (stored,) = await source.read(Bound(COLUMNS, {"table": table.name}))
        known = {name.lower() for name in table.columns}
        columns += [f"{table.name}.{name!s}" for name, _ in stored if name not in known]
    known_tables = {*ours, *LEFT, *searched.ALL_TABLES}
    return Others([name for name in names if name.lower() not in known_tables], columns)


async def require_movable(source: End, target: End, tables: Sequence[MovedTable]) -> None:
    """Raise BootRefused, naming rows, if the target cannot hold values as they are stored."""
    for table in tables:
        async for reason, conditions, bind in _hindrances(source, target, table):
            await _require_none(source, target, table, reason, conditions, bind)


Hindrance = tuple[str, dict[str, str], dict[str, Value]]


async def _hindrances(source: End, target: End, table: MovedTable) -> AsyncIterator[Hindrance]:
    """A reason, by column the condition of a row that it holds for, and the condition's parameters."""
    limits = target.limits
    missing = {name: f"{name} IS NULL" for name in table.key}
    yield "a key that is NULL", missing, {}
    if limits.largest_integer < SQLITE_INTEGER:
        most = limits.largest_integer
        large = {
            name: f"typeof({name}) = 'integer' AND {name} NOT BETWEEN -:largest AND :largest"
            for name in table.columns
        }
        yield f"an integer beyond ±{most}, whose digits it loses", large, {"largest": most}
    if limits.value_bytes < SQLITE_VALUE_BYTES:
        bytes_ = row_texts.bytes_of(table)
        condition = TOO_LARGE.format(bytes=f"({bytes_})", row=row_texts.encoded(*table.columns))
        most = limits.value_bytes - WRAPPING_BYTES
        yield (
            f"more than it takes in one row ({most:,} bytes)",
            {"": condition},
            {"most_bytes": most},
        )
    (stored,) = await source.read(Bound(COLUMNS, {"table": table.name}))
    affinities = {str(name): affinity_of(str(type_)) for name, type_ in stored}
    converted = {
        name: CONVERTED[affinity].format(column=name)
        for name, affinity in zip(table.columns, table.affinities, strict=True)
        if affinities.get(name, affinity) != affinity
    }
    if converted:
        yield "a value that it would turn into one of another type", converted, {}


async def _require_none(
    source: End,
    target: End,
    table: MovedTable,
    reason: str,
    conditions: dict[str, str],
    bind: dict[str, Value],
) -> None:
    column = "CASE {} END".format(
        " ".join(f"WHEN {condition} THEN '{name}'" for name, condition in conditions.items())
    )
    sql = FIND.format(
        key=row_texts.encoded(*table.key),
        column=column,
        table=table.name,
        condition=" OR ".join(f"({each})" for each in conditions.values()),
    )
    (found,) = await source.read(Bound(sql, {**bind, "most": MOST_NAMED + 1}))
    if found:
        named = [describe(table, str(key), str(name or "")) for key, name in found[:MOST_NAMED]]
        more = ", and others" if len(found) > MOST_NAMED else ""
        raise BootRefused(
            f"{target.name} cannot hold what {source.name} has: {reason}, in {', '.join(named)}{more}:"
            " change or remove that first, or move to another engine; nothing was changed"
        )


def describe(table: MovedTable, key: str, column: str = "") -> str:
    """A row, or one value of it, by its encoded key."""
    values = ", ".join(str(each) for each in json.loads(key))
    return f"{table.name}{f'.{column}' if column else ''} {values}"
