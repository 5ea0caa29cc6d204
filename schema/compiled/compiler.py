"""From a selection to a plan: the sources that fields declare, made into code and steps."""

from collections.abc import Callable, Sequence
from typing import Any

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLObjectType,
    get_named_type,
    is_object_type,
)

from db.model.tables import Relation, Table
from schema.compiled import pages, steps
from schema.compiled.arguments import DEFINITION
from schema.compiled.converters import singly
from schema.compiled.pages import PagePlan, PageStep
from schema.compiled.plan import Arguments
from schema.compiled.rows import Columns, RowPlan, Writer, global_id
from schema.compiled.steps import Lookup, ToOneOfStep, ToOneStep, Use
from schema.fields import sources
from schema.fields.collect_fields import CollectedField, FieldCollector
from schema.fields.sources import METADATA


class NotCovered(Exception):
    """Raised when an operation asks for something that plans do not cover; the message says what."""


def source_of(definition: GraphQLField) -> Any:
    """Where a field of the schema says that its value comes from; None for a plain attribute."""
    return definition.extensions[DEFINITION].metadata.get(METADATA)


class Compiler:
    """Compiles the selections of one operation with these directive variables."""

    def __init__(self, collector: FieldCollector) -> None:
        self.collector = collector

    def type_of(self, table: Table[Any]) -> GraphQLObjectType:
        """The GraphQL type of a table's rows."""
        type_: GraphQLObjectType = self.collector.schema.type_map[table.row.__name__]  # type: ignore[assignment]
        return type_

    def lookup(self, table: Table[Any], column: str) -> Lookup:
        """A lookup in a table that nothing uses yet."""
        return Lookup(Columns(table, [column]), [])

    def use(self, lookup: Lookup, field: CollectedField, *, required: bool) -> None:
        """Let a lookup fill a field with what that selects."""
        plan = self.rows(lookup.columns, field.nodes)
        lookup.uses.append(Use(field.key, required, plan))

    def rows(self, columns: Columns, nodes: Sequence[FieldNode]) -> RowPlan:
        """The plan for what the nodes select of a table's rows."""
        table, type_ = columns.table, self.type_of(columns.table)
        writer = Writer(columns)
        found: list[steps.Step] = []
        to_ones: dict[Relation[Any], Lookup] = {}
        for field in self.collector.collect(type_, nodes):
            if field.name == "__typename":
                writer.text(field.key, type_.name)
                continue
            definition = type_.fields[field.name]
            match source_of(definition):
                case sources.FromColumn(column):
                    writer.column(field.key, column)
                case sources.GlobalId():
                    writer.made(field.key, table.key, singly(global_id(table)))
                case sources.Derived(column, read):
                    writer.made(field.key, column, singly(self._derived(definition, field, read)))
                case sources.ToOne(relation, required):
                    writer.later(field.key)
                    if relation not in to_ones:
                        to_ones[relation] = self.lookup(relation.child, relation.child.key)
                        index = columns.index(relation.column)
                        found.append(ToOneStep(to_ones[relation], index))
                    self.use(to_ones[relation], field, required=required)
                case sources.ToOneOf(by, relations):
                    writer.later(field.key)
                    found.append(self._to_one_of(columns, field, by, relations))
                case sources.PagedList(_, relation) as listed if relation is not None:
                    writer.later(field.key)
                    plan = self.page(listed, definition, field)
                    found.append(PageStep(field.key, plan, columns.index(relation.column)))
                case other:
                    raise NotCovered(f"{type_.name}.{field.name} ({other})")
        return writer.plan(found)

    def page(
        self, source: sources.PagedList, definition: GraphQLField, field: CollectedField
    ) -> PagePlan:
        """The plan for a page field."""
        columns = Columns(source.table, [source.table.key])
        type_: Any = get_named_type(definition.type)
        parts: list[pages.Part] = []
        for each in self.collector.collect(type_, field.nodes):
            match each.name:
                case "__typename":
                    parts.append(pages.TypeName(each.key, type_.name))
                case "nodes":
                    parts.append(pages.Nodes(each.key, self.rows(columns, each.nodes)))
                case "edges":
                    parts.append(self._edges(columns, type_, each))
                case "pageInfo":
                    info: Any = get_named_type(type_.fields["pageInfo"].type)
                    asked = self.collector.collect(info, each.nodes)
                    parts.append(pages.Info(each.key, [(one.key, one.name) for one in asked]))
                case "totalCount":
                    parts.append(pages.Total(each.key))
                case other:
                    raise NotCovered(f"{type_.name}.{other}")
        return PagePlan(source, Arguments.of(definition, field.nodes[0]), columns, parts)

    def plain(self, type_: Any, nodes: Sequence[FieldNode]) -> Callable[[Any], dict[str, Any]]:
        """What makes an object of attributes alone, such as a mutation's error, an answer's object."""
        readers = [self._attribute(type_, field) for field in self.collector.collect(type_, nodes)]
        return lambda value: {key: read(value) for key, read in readers}

    def _edges(
        self, columns: Columns, type_: GraphQLObjectType, field: CollectedField
    ) -> pages.Edges:
        edge: Any = get_named_type(type_.fields["edges"].type)
        parts: list[tuple[str, RowPlan | str | None]] = []
        for each in self.collector.collect(edge, field.nodes):
            if each.name == "node":
                parts.append((each.key, self.rows(columns, each.nodes)))
            else:
                parts.append((each.key, edge.name if each.name == "__typename" else None))
        return pages.Edges(field.key, parts)

    def _to_one_of(
        self, columns: Columns, field: CollectedField, by: str, relations: Any
    ) -> steps.ToOneOfStep:
        lookups, indexes = {}, {}
        for which, relation in relations.items():
            lookup = self.lookup(relation.child, relation.child.key)
            self.use(lookup, field, required=True)
            lookups[which] = lookup
            indexes[which] = columns.index(relation.column)
        return ToOneOfStep(lookups, columns.index(by), indexes)

    def _derived(
        self, definition: GraphQLField, field: CollectedField, read: Callable[[Any], Any]
    ) -> Callable[[Any], Any]:
        type_ = get_named_type(definition.type)
        if not is_object_type(type_):
            return read
        plain = self.plain(type_, field.nodes)
        return lambda stored: [plain(value) for value in read(stored)]

    def _attribute(
        self, type_: GraphQLObjectType, field: CollectedField
    ) -> tuple[str, Callable[[Any], Any]]:
        if field.name == "__typename":
            return field.key, lambda _: type_.name
        definition = type_.fields[field.name]
        if source_of(definition) is not None:
            raise NotCovered(f"{type_.name}.{field.name}")
        name = definition.extensions[DEFINITION].python_name
        if isinstance(get_named_type(definition.type), GraphQLEnumType):
            return field.key, lambda value: getattr(value, name).name
        return field.key, lambda value: getattr(value, name)
