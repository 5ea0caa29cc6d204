"""One step of a walk through the graph: the neighbours of many objects at once, in one batch.

A walk sees what its viewer sees, and no soft-deleted rows. A statement returns what `graph.columns` names of
each row that it reaches, so that a walk knows from its own objects every relation between them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from db.model import graph, tables
from db.model.enums import RelationName
from db.model.graph import GRAPH_RELATIONS, GRAPH_TABLES, Edge, GraphRelation, Place
from db.model.services import SERVICES
from db.model.tables import Table
from db.program import Program, Rows, Statement, Value, json_list
from db.queries.conditions import all_of, listed_rows, rows_of
from db.queries.listings import LIMIT, PARENT
from db.security.row_security import by_keys

COLUMNS = {table: graph.columns(table) for table in GRAPH_TABLES}


class Reached(NamedTuple):
    """An object that a walk has come to; `newest` is its instant in the default ordering.

    That of a service is the one of the newest connection that led to it. `links` are the relations that it
    holds, each with the object at the other end, which the viewer may not see.
    """

    place: Place
    newest: str
    links: tuple[tuple[GraphRelation, Place], ...] = ()


@dataclass(slots=True)
class Steps:
    """Makes the statements of a walk; `rows` counts what they have returned.

    Only objects of `tables` are reached.
    """

    tables: Collection[Table[Any]] = GRAPH_TABLES
    rows: int = field(default=0, init=False)

    def find(self, places: Sequence[Place]) -> Program[list[Reached | None]]:
        """The objects at these places, each of which costs the same statement whether or not it is seen."""
        statements = [_with_keys(each.table, [each.key], 1, sorts=False) for each in places]
        answers = yield statements
        found = [
            next(iter(_reached(place.table, rows)), None)
            for place, rows in zip(places, answers, strict=True)
        ]
        self.rows += len(places)
        return found

    def newest(
        self, frontier: Iterable[Reached], known: Collection[Place], limit: int
    ) -> Program[list[Reached]]:
        """The newest neighbours of the objects that are not known, each once.

        If there are `limit` of them, there may be more.
        """
        wanted, services = self._named(frontier, known)
        statements = [_with_keys(table, keys, limit, sorts=True) for table, keys in wanted.items()]
        tables = list(wanted)
        held = keys_by_table(known)
        for relation, parents in self._leading_back(frontier):
            besides = held.get(relation.holder, ())
            statements.append(_newest_held(relation, parents, besides, limit))
            tables.append(relation.holder)
        answers = (yield statements) if statements else []
        reached = services
        for table, rows in zip(tables, answers, strict=True):
            self._keep(table, rows, known, reached)
        return list(reached.values())

    def near(
        self, frontier: Sequence[Reached], known: Collection[Place], limit: int
    ) -> Program[tuple[list[Reached], frozenset[GraphRelation]]]:
        """All neighbours that are not known, without those that lead to the frontier by wide relations.

        These are the relations of which `limit` rows lead there, which are returned too.
        """
        wanted, reached = self._named(frontier, known)
        leading = list(self._leading_back(frontier))
        statements = [_with_keys(*each, len(each[1]), sorts=False) for each in wanted.items()]
        statements += [_held(*each, limit) for each in leading]
        answers = (yield statements) if statements else []
        for table, rows in zip(wanted, answers, strict=False):
            self._keep(table, rows, known, reached)
        wide = set()
        for (relation, _), rows in zip(leading, answers[len(wanted) :], strict=True):
            if len(rows) < limit:
                self._keep(relation.holder, rows, known, reached)
            else:
                self.rows += len(rows)
                wide.add(relation)
        return list(reached.values()), frozenset(wide)

    def all_leading(
        self,
        frontier: Sequence[Reached],
        wide: Collection[GraphRelation],
        known: Collection[Place],
        limit: int,
    ) -> Program[list[Reached]]:
        """The objects that lead to the frontier by wide relations, of each at most so many."""
        leading = [each for each in self._leading_back(frontier) if each[0] in wide]
        answers = yield [_held(*each, limit) for each in leading]
        reached: dict[Place, Reached] = {}
        for (relation, _), rows in zip(leading, answers, strict=True):
            self._keep(relation.holder, rows, known, reached)
        return list(reached.values())

    def _keep(
        self,
        table: Table[Any],
        rows: Rows,
        known: Collection[Place],
        reached: dict[Place, Reached],
    ) -> None:
        self.rows += len(rows)
        for each in _reached(table, rows):
            if each.place not in known:
                reached.setdefault(each.place, each)

    def middle(self, start: Sequence[Reached], end: Sequence[Reached]) -> Program[Reached | None]:
        """An object beside one of each of these, in one batch of statements."""
        named = _names(start), _names(end)
        services = named[0].get(SERVICES, set()) & named[1].get(SERVICES, set())
        for service in sorted(services, key=str):
            return Reached(Place(SERVICES, service), "")
        beside = [keys_by_table([each.place for each in frontier]) for frontier in (start, end)]
        sought = [*_named_by_both(*named), *_leading_to_both(*beside)]
        for names, keys in (named[0], beside[1]), (named[1], beside[0]):
            sought += _named_and_leading(names, keys)
        return (yield from self.first(sought))

    def first(self, sought: Sequence[tuple[Table[Any], Statement]]) -> Program[Reached | None]:
        """The first object that any of these statements finds."""
        answers = (yield [statement for _, statement in sought]) if sought else []
        self.rows += sum(map(len, answers))
        for (table, _), rows in zip(sought, answers, strict=True):
            for each in _reached(table, rows):
                return each
        return None

    def _named(
        self, frontier: Iterable[Reached], known: Collection[Place]
    ) -> tuple[dict[Table[Any], list[Value]], dict[Place, Reached]]:
        """The keys of rows that the objects name, by table, and the services that they name."""
        wanted: dict[Table[Any], dict[Value, None]] = defaultdict(dict)
        services: dict[Place, Reached] = {}
        for each in frontier:
            for _, place in each.links:
                if place in known or place.table not in self.tables:
                    continue
                if place.table is not SERVICES:
                    wanted[place.table][place.key] = None
                elif place not in services or services[place].newest < each.newest:
                    # It is seen, as the connection is.
                    services[place] = Reached(place, each.newest)
        return {table: list(keys) for table, keys in wanted.items()}, services

    def _leading_back(
        self, frontier: Iterable[Reached]
    ) -> Iterator[tuple[GraphRelation, list[Value]]]:
        keys = keys_by_table([each.place for each in frontier])
        for relation in GRAPH_RELATIONS:
            if relation.other in keys and relation.holder in self.tables:
                yield relation, keys[relation.other]


def edges_between(places: Mapping[Place, Reached]) -> Iterator[Edge]:
    """All relations between these objects, in the order of their holders."""
    for place, reached in places.items():
        for relation, other in reached.links:
            if other in places:
                yield edge(relation, place, other)


def edge(relation: GraphRelation, holder: Place, other: Place) -> Edge:
    start, end = (holder, other) if relation.is_held_at_start else (other, holder)
    return Edge(relation.name, start, end)


def keys_by_table(places: Iterable[Place]) -> dict[Table[Any], list[Value]]:
    keys: dict[Table[Any], list[Value]] = defaultdict(list)
    for place in places:
        keys[place.table].append(place.key)
    return keys


def _reached(table: Table[Any], rows: Rows) -> Iterator[Reached]:
    names = COLUMNS[table]
    held = [
        (
            relation,
            relation.other,
            names.index(relation.to_one.column),
            *((names.index(relation.only[0]), relation.only[1]) if relation.only else (0, None)),
        )
        for relation in GRAPH_RELATIONS
        if relation.holder is table
    ]
    key_at, newest_at = names.index(table.key), names.index(table.newest)
    for row in rows:
        if row[key_at] is None or isinstance(row[key_at], bytes):  # no id has such a key
            continue
        links = [
            (relation, Place(other, row[at]))
            for relation, other, at, tested, only in held
            if row[at] is not None
            and (only is None or row[tested] == only)
            and not isinstance(row[at], bytes)
        ]
        newest = row[newest_at]
        yield Reached(
            Place(table, row[key_at]), newest if isinstance(newest, str) else "", tuple(links)
        )


def _with_keys(table: Table[Any], keys: Sequence[Value], limit: int, *, sorts: bool) -> Statement:
    select = f"SELECT {selected(table, 't')} FROM "
    keyed = by_keys(table, "t", ":keys")
    found = f"{table.seen} AS t WHERE t.{table.key} IN (SELECT value FROM json_each(:keys))"
    rest = f" AND {table.live.format(row='t')}{_order(table, 't') if sorts else ''} {LIMIT}"
    return Statement(
        f"{select}{keyed if table is SERVICES else found}{rest}",
        {"keys": json_list(keys), "limit": limit},
        f"{select}{keyed}{rest}",
    )


def _names(frontier: Iterable[Reached]) -> dict[Table[Any], set[Any]]:
    """The keys of rows and services that these objects lead to, by table."""
    names: dict[Table[Any], set[Any]] = defaultdict(set)
    for each in frontier:
        for _, place in each.links:
            names[place.table].add(place.key)
    return names


Sought: TypeAlias = Iterator[tuple[Table[Any], Statement]]


def _named_by_both(one: dict[Table[Any], set[Any]], other: dict[Table[Any], set[Any]]) -> Sought:
    for table in tables.TABLES:
        if both := one.get(table, set()) & other.get(table, set()):
            yield table, _with_keys(table, sorted(both, key=str), 1, sorts=False)


def _named_and_leading(
    names: dict[Table[Any], set[Any]], keys: dict[Table[Any], list[Value]]
) -> Sought:
    """For rows that one end leads to, and that lead to the other."""
    for relation in GRAPH_RELATIONS:
        if relation.other in keys and relation.holder in names:
            among = sorted(names[relation.holder], key=str)
            yield relation.holder, _held(relation, keys[relation.other], 1, among=among)


def _leading_to_both(
    one: dict[Table[Any], list[Value]], other: dict[Table[Any], list[Value]]
) -> Sought:
    for first in GRAPH_RELATIONS:
        for second in GRAPH_RELATIONS:
            is_joint = second.holder is first.holder and second.name is not first.name
            if is_joint and first.other in one and second.other in other:
                yield first.holder, _joint(first, one[first.other], second, other[second.other])


# About how many connections an object has by each relation.
_ROWS_OF_EACH = {RelationName.OPENS: 5, RelationName.USES: 50, RelationName.TARGETS: 5_000}


def _joint(
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


def _held(
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


def _newest_held(
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


def belonging(relation: GraphRelation, parent: str = PARENT) -> tuple[str, list[str]]:
    """SQL for the table, and the conditions, of the rows `x` that lead to the parent."""
    table, belongs = rows_of(relation.to_many, "x", parent)
    return table, [belongs, *listed_rows(relation.holder, "x", live=True)]


def selected(table: Table[Any], row: str) -> str:
    return ", ".join(f"{row}.{name}" for name in COLUMNS[table])


def _order(table: Table[Any], row: str) -> str:
    return f" ORDER BY {row}.{table.newest} DESC, {row}.{table.key} DESC"
