"""The graph of the registry: its kinds of objects, and the relations that walks follow in either direction.

Every relation is named by the row at one of its ends, the `holder`, which leads to one row; the row at the
other end leads to many holders.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from db.model import services, tables
from db.model.enums import RelationName
from db.model.services import SERVICES
from db.model.tables import Relation, Table
from db.program import Value, in_order


@dataclass(frozen=True, eq=False)
class GraphRelation:
    """`to_one` leads from the holder, and `to_many` back; `only` is what a column of the holder must hold.

    If `is_held_at_start`, the holder is the end that the relation starts from.
    """

    name: RelationName
    to_one: Relation[Any]
    to_many: Relation[Any]
    only: tuple[str, str] | None = None
    is_held_at_start: bool = False

    @property
    def holder(self) -> Table[Any]:
        return self.to_one.parent

    @property
    def other(self) -> Table[Any]:
        return self.to_one.child

    def only_in(self, row: str) -> list[str]:
        """The condition on a holder, named `row`, as a list: most relations have none."""
        return [f"{row}.{self.only[0]} = '{self.only[1]}'"] if self.only else []

    def edge(self, holder: "Place", other: "Place") -> "Edge":
        """The relation between these objects."""
        start, end = (holder, other) if self.is_held_at_start else (other, holder)
        return Edge(self.name, start, end)


GRAPH_RELATIONS = (
    GraphRelation(RelationName.OWNS, tables.CONTEXT_OWNER, tables.ACTOR_CONTEXTS),
    GraphRelation(
        RelationName.OPENS,
        tables.CONNECTION_SOURCE_CONTEXT,
        tables.CONTEXT_CONNECTIONS,
        only=("source_type", "context"),
    ),
    GraphRelation(
        RelationName.OPENS,
        tables.CONNECTION_SOURCE_ACTOR,
        tables.ACTOR_CONNECTIONS,
        only=("source_type", "actor"),
    ),
    GraphRelation(
        RelationName.TARGETS,
        services.CONNECTION_SERVICE,
        services.SERVICE_CONNECTIONS,
        is_held_at_start=True,
    ),
    GraphRelation(
        RelationName.USES,
        tables.CONNECTION_INSTALLATION,
        tables.INSTALLATION_CONNECTIONS,
        is_held_at_start=True,
    ),
    GraphRelation(
        RelationName.SUSPENDED,
        tables.INSTALLATION_SUSPENDED_BY,
        tables.ACTOR_SUSPENDED_INSTALLATIONS,
    ),
)
GRAPH_TABLES: tuple[Table[Any], ...] = (*tables.TABLES, SERVICES)


class Place(NamedTuple):
    """An object of the graph: its table and key.

    Walks make and compare one for each row, which takes longer with dataclasses.
    """

    table: Table[Any]
    key: Value

    @property
    def order(self) -> tuple[str, Any]:
        """For sorting: tables of other programs may have keys of several types."""
        return (self.table.name, in_order(self.key))


@dataclass(frozen=True, slots=True)
class Edge:
    name: RelationName
    start: Place
    end: Place


def columns(table: Table[Any]) -> tuple[str, ...]:
    """The columns that walks read: the key, that of the default ordering, and those that lead on."""
    found = [table.key, table.newest]
    for relation in GRAPH_RELATIONS:
        if relation.holder is table:
            found += [relation.to_one.column, *(relation.only or ())[:1]]
    return tuple(dict.fromkeys(found))
