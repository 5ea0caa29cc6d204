"""One step of a walk through the graph: the neighbours of many objects at once, in one batch.

A walk sees what its viewer sees, and no soft-deleted rows. A statement returns what `graph.columns` names of
each row that it reaches, so that a walk knows from its own objects every relation between them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from db.model.graph import GRAPH_RELATIONS, GRAPH_TABLES, GraphRelation, Place
from db.model.services import SERVICES
from db.model.tables import Table
from db.program import Program, Rows, Statement, Value
from db.queries.graph_rows import held, newest_held, with_keys
from db.queries.reached import Reached, keys_by_table, reached_by

Sought: TypeAlias = Iterator[tuple[Table[Any], Statement]]
"""Statements for one object each, with the tables that these are of."""


@dataclass(slots=True)
class Steps:
    """Makes the statements of a walk; `rows` counts what they have returned.

    Only objects of `tables` are reached.
    """

    tables: Collection[Table[Any]] = GRAPH_TABLES
    rows: int = field(default=0, init=False)

    def find(self, places: Sequence[Place]) -> Program[list[Reached | None]]:
        """The objects at these places, each of which costs the same statement whether or not it is seen."""
        statements = [with_keys(each.table, [each.key], 1, sorts=False) for each in places]
        answers = yield statements
        found = [
            next(iter(reached_by(place.table, rows)), None)
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
        statements = [with_keys(table, keys, limit, sorts=True) for table, keys in wanted.items()]
        tables = list(wanted)
        keys = keys_by_table(known)
        for relation, parents in self._leading_back(frontier):
            besides = keys.get(relation.holder, ())
            statements.append(newest_held(relation, parents, besides, limit))
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
        statements = [with_keys(*each, len(each[1]), sorts=False) for each in wanted.items()]
        statements += [held(*each, limit) for each in leading]
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
        answers = yield [held(*each, limit) for each in leading]
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
        for each in reached_by(table, rows):
            if each.place not in known:
                reached.setdefault(each.place, each)

    def first(self, sought: Sequence[tuple[Table[Any], Statement]]) -> Program[Reached | None]:
        """The first object that any of these statements finds."""
        answers = (yield [statement for _, statement in sought]) if sought else []
        self.rows += sum(map(len, answers))
        for (table, _), rows in zip(sought, answers, strict=True):
            for each in reached_by(table, rows):
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
