"""Statements for the rows of the graph: those with some keys, and those that lead to some objects.

They return the columns that `db.queries.reached` reads, of rows that the viewer sees and that are not
soft-deleted.
"""

from collections.abc import Sequence
from typing import Any

from db.model.enums import RelationName
from db.model.graph import GraphRelation
from db.model.services import SERVICES
from db.model.tables import Table
from db.program import Statement, Value, json_list
from db.queries.conditions import all_of, listed_rows, rows_of
from db.queries.listings import LIMIT, PARENT
from db.queries.reached import COLUMNS
from db.security.row_security import by_keys

# About how many connections an object has by each relation.
_ROWS_OF_EACH = {RelationName.OPENS: 5, RelationName.USES: 50, RelationName.TARGETS: 5_000}


def with_keys(table: Table[Any], keys: Sequence[Value], limit: int, *, sorts: bool) -> Statement:
    select = f"SELECT {selected(table, 't')} FROM "
    keyed = by_keys(table, "t", ":keys")
    found = f"{table.seen} AS t WHERE t.{table.key} IN (SELECT value FROM json_each(:keys))"
    rest = f" AND {table.live.format(row='t')}{_order(table, 't') if sorts else ''} {LIMIT}"
    return Statement(
        f"{select}{keyed if table is SERVICES else found}{rest}",
        {"keys": json_list(keys), "limit": limit},
        f"{select}{keyed}{rest}",
    )


def held(
    relation: GraphRelation,
    parents: Sequence[Value],
    limit: int,
    *,
    among: Sequence[Value] | None = None,
) -> Statement:
    """The rows that lead to these parents, in no order."""
    table, conditions = belonging(relation)
    bind: dict[str, Value] = {"parents": json_list(parents), "limit": limit}
    if among is not None:
        key = f"x.{relation.holder.key}"
        conditions.append(f"+{key} IN (SELECT value FROM json_each(:among))")
        bind["among"] = json_list(among)
    return Statement(
        f"SELECT {selected(relation.holder, 'x')} FROM json_each(:parents) AS parents"
        f" CROSS JOIN {table} AS x WHERE {all_of(conditions)} {LIMIT}",
        bind,
    )


def newest_held(
    relation: GraphRelation, parents: Sequence[Value], besides: Sequence[Value], limit: int
) -> Statement:
    """The newest rows that lead to any of these parents, without those that have the keys `besides`.

    Each parent's newest are read off an index, and of these the newest are returned.
    """
    holder = relation.holder
    table, conditions = belonging(relation)
    conditions.append(f"x.{holder.key} NOT IN (SELECT value FROM json_each(:besides))")
    newest = (
        f"SELECT x.rowid FROM {table} AS x WHERE {all_of(conditions)}{_order(holder, 'x')} {LIMIT}"
    )
    return Statement(
        f"SELECT {selected(holder, 't')} FROM json_each(:parents) AS parents"
        f" CROSS JOIN json_each((SELECT json_group_array(rowid) FROM ({newest}))) AS places"
        f" CROSS JOIN {holder.picked} AS t ON t.rowid = places.value{_order(holder, 't')} {LIMIT}",
        {"parents": json_list(parents), "besides": json_list(besides), "limit": limit},
    )


def joint(
    one: GraphRelation, parents: Sequence[Value], other: GraphRelation, others: Sequence[Value]
) -> Statement:
    """A row that leads by both relations to one of each parents."""
    # It starts from those that likely have fewer rows: a service has thousands (`./run bench --graph`).
    if len(others) * _ROWS_OF_EACH[other.name] < len(parents) * _ROWS_OF_EACH[one.name]:
        one, parents, other, others = other, others, one, parents
    table, conditions = belonging(one)
    # The + keeps SQLite from starting from the others all the same.
    conditions.append(f"+x.{other.to_one.column} IN (SELECT value FROM json_each(:others))")
    conditions += other.only_in("x")
    return Statement(
        f"SELECT {selected(one.holder, 'x')} FROM json_each(:parents) AS parents"
        f" CROSS JOIN {table} AS x WHERE {all_of(conditions)} {LIMIT}",
        {"parents": json_list(parents), "others": json_list(others), "limit": 1},
    )


def belonging(relation: GraphRelation, parent: str = PARENT) -> tuple[str, list[str]]:
    """SQL for the table, and the conditions, of the rows `x` that lead to the parent."""
    table, belongs = rows_of(relation.to_many, "x", parent)
    return table, [belongs, *listed_rows(relation.holder, "x", live=True)]


def selected(table: Table[Any], row: str) -> str:
    return ", ".join(f"{row}.{name}" for name in COLUMNS[table])


def _order(table: Table[Any], row: str) -> str:
    return f" ORDER BY {row}.{table.newest} DESC, {row}.{table.key} DESC"
