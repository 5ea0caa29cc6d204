"""Paths that lead through hubs, which have too many rows beside them to read each.

Two frontiers are given. Of some relations so many rows lead to a frontier that they are not read; each such
row names another object. Statements look for an object that is named so from both sides, or that one side
names and that leads to the other.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from db.model.graph import GRAPH_RELATIONS, GraphRelation
from db.model.services import SERVICES
from db.model.tables import Table
from db.program import Program, Statement, Value, json_list
from db.queries.conditions import all_of
from db.queries.graph_rows import belonging, selected
from db.queries.listings import LIMIT
from db.queries.reached import Reached, keys_by_table
from db.queries.walks import Sought, Steps
from db.security.row_security import by_key

# So many of the objects beside a hub are looked through one by one, before all of up to MOST are.
FEW, MOST = 200, 20_000
ALL = -1


@dataclass(frozen=True, slots=True)
class Side:
    """A frontier, and the relations by which too many rows lead to it."""

    frontier: Sequence[Reached]
    wide: Collection[GraphRelation]

    @property
    def keys(self) -> dict[Table[Any], list[Value]]:
        return keys_by_table([each.place for each in self.frontier])


def found_two_steps_off(one: Side, other: Side, steps: Steps) -> Program[Reached | None]:
    """An object that a row beside the one frontier names, and that leads to the other itself."""
    return (yield from steps.first(list(_leading_on(one, other))))


def found_in_the_middle(
    one: Side, other: Side, limit: int, steps: Steps
) -> Program[Reached | None]:
    """An object that one of so many rows beside the one frontier and a row beside the other both name."""
    for each in _named_by_both(one, other, limit):  # each may read thousands of rows
        if found := (yield from steps.first([each])):
            return found
    return None


def found_beyond(one: Side, other: Side, steps: Steps) -> Program[Reached | None]:
    """An object that a row beside the other frontier names, and that leads on from a row beside the one.

    One of the first FEW such rows names an object that leads to it.
    """
    for each in _led_to(one, other):
        if found := (yield from steps.first([each])):
            return found
    return None


def are_read_whole(sides: Sequence[Side]) -> Program[bool]:
    """Whether no more than MOST rows lead to any of these frontiers by one relation."""
    counts = [_count(side, relation) for side in sides for relation in side.wide]
    answers = yield counts
    return all(int(str(rows[0][0])) <= MOST for rows in answers)


def _leading_on(one: Side, other: Side) -> Sought:
    for first in one.wide:
        for named in _named_by(first):
            for last in other.wide:
                if last.holder is named.other:
                    bind = _bind(first, one, last, other, ALL)
                    names = _names(first, named, "parents")
                    leads = all_of(_leads_to("y", last))
                    yield named.other, _object(named.other, names, leads, bind)


def _named_by_both(one: Side, other: Side, limit: int) -> Sought:
    for first in one.wide:
        for named in _named_by(first):
            for last in other.wide:
                for also in _named_by(last):
                    if also.other is named.other:
                        bind = _bind(first, one, last, other, limit)
                        names = _names(first, named, "parents")
                        if limit == FEW:
                            condition = _some_row(also, last)
                        else:
                            names, condition = _among(names, _names(last, also, "others")), "TRUE"
                        yield named.other, _object(named.other, names, condition, bind)


def _led_to(one: Side, other: Side) -> Sought:
    for first in one.wide:
        for named in _named_by(first):
            for relation in GRAPH_RELATIONS:
                for last in other.wide:
                    for also in _named_by(last):
                        if relation.holder is named.other and relation.other is also.other:
                            bind = _bind(first, one, last, other, FEW)
                            names = _led_to_by(relation, _names(first, named, "parents"))
                            condition = _some_row(also, last)
                            yield also.other, _object(also.other, names, condition, bind)


def _named_by(wide: GraphRelation) -> Iterator[GraphRelation]:
    """By which relations its rows lead to other objects."""
    for relation in GRAPH_RELATIONS:
        if relation.holder is wide.holder and relation is not wide:
            yield relation


def _bind(
    first: GraphRelation, one: Side, last: GraphRelation, other: Side, limit: int
) -> dict[str, Value]:
    return {
        "parents": json_list(one.keys[first.other]),
        "others": json_list(other.keys[last.other]),
        "most": limit,
        "limit": 1,
    }


def _object(table: Table[Any], names: str, condition: str, bind: dict[str, Value]) -> Statement:
    """One object of the table, `y`, that has one of these keys and meets the condition."""
    near = f"(SELECT DISTINCT key FROM ({names})) AS near"
    if table is SERVICES:  # it is seen, as the connection is
        columns = f"y.{table.key}"
        rows = f"(SELECT near.key AS {table.key} FROM {near}) AS y WHERE"
    else:
        columns = selected(table, "y")
        found = by_key(table, "y", "near.key")
        rows = f"{near} CROSS JOIN {found} AND {table.live.format(row='y')} AND"
    return Statement(f"SELECT {columns} FROM {rows} {condition} {LIMIT}", bind)


def _names(relation: GraphRelation, named: GraphRelation, parents: str) -> str:
    """SELECT what the rows that lead to the parents name, of the first so many rows."""
    table, conditions = belonging(relation)
    column = f"x.{named.to_one.column}"
    conditions += [f"{column} IS NOT NULL", *named.only_in("x")]
    return (
        f"SELECT {column} AS key FROM json_each(:{parents}) AS parents CROSS JOIN {table} AS x"
        f" WHERE {all_of(conditions)} LIMIT :most + 0"
    )


def _led_to_by(relation: GraphRelation, names: str) -> str:
    """SELECT what the objects that have these names lead to."""
    holder, column = relation.holder, f"y.{relation.to_one.column}"
    conditions = [holder.live.format(row="y"), f"{column} IS NOT NULL", *relation.only_in("y")]
    return (
        f"SELECT {column} AS key FROM (SELECT DISTINCT key FROM ({names})) AS near"
        f" CROSS JOIN {by_key(holder, 'y', 'near.key')} AND {all_of(conditions)}"
    )


def _count(side: Side, wide: GraphRelation) -> Statement:
    """How many rows lead to the frontier, up to one more than MOST."""
    table, conditions = belonging(wide)
    return Statement(
        f"SELECT count(*) FROM (SELECT 1 FROM json_each(:parents) AS parents CROSS JOIN {table} AS x"
        f" WHERE {all_of(conditions)} LIMIT :most + 1)",
        {"parents": json_list(side.keys[wide.other]), "most": MOST},
    )


def _some_row(named: GraphRelation, last: GraphRelation) -> str:
    """Whether one of the rows that name `y` leads to the others."""
    table, conditions = belonging(named, f"y.{named.other.key}")
    conditions += _leads_to("x", last)
    return f"EXISTS (SELECT 1 FROM {table} AS x WHERE {all_of(conditions)})"


def _among(names: str, others: str) -> str:
    """The names that are others, too: of these alone the objects are looked up."""
    return f"SELECT key FROM ({names}) WHERE key IN (SELECT key FROM ({others}))"


def _leads_to(row: str, last: GraphRelation) -> list[str]:
    # The + keeps SQLite from starting from the others, which have many rows.
    column = f"+{row}.{last.to_one.column}"
    return [f"{column} IN (SELECT value FROM json_each(:others))", *last.only_in(row)]
