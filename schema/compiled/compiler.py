"""Compiles selections to plans, from the sources that the fields of the schema declare."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_object_type,
)

from db.model.tables import Relation, Table
from schema.compiled import groups, pages
from schema.compiled.arguments import Arguments
from schema.compiled.converters import one_by_one
from schema.compiled.groups import GroupObjects, GroupsPlan
from schema.compiled.lookups import (
    LookupField,
    Lookups,
    MadeStep,
    ReferenceStep,
    SealedStep,
    TableLookup,
    ToOneStep,
    UnionStep,
)
from schema.compiled.pages import PagePlan, PageStep
from schema.compiled.plan import Fallback, Step
from schema.compiled.rows import CodeWriter, Columns, RowPlan, global_id
from schema.fields import sources
from schema.fields.collect_fields import CollectedField, FieldCollector
from schema.fields.sources import DEFINITION, METADATA
from schema.groups import GROUPS

RELATIONS = (sources.ToOne, sources.ToOneOf, sources.PagedList)
# A client may ask for a relation again and again, under other names: further rows are read at a level below,
# where each is read once and counted.
MOST_REFERENCES = 8


def source_of(definition: GraphQLField) -> Any:
    """The source that a field of the schema declares; None for a plain attribute."""
    return definition.extensions[DEFINITION].metadata.get(METADATA)


class Compiler:
    """Compiles one operation's selections for one outcome of @skip and @include; raises Fallback."""

    def __init__(self, collector: FieldCollector) -> None:
        self.collector = collector

    def type_of(self, table: Table[Any]) -> GraphQLObjectType:
        type_: GraphQLObjectType = self.collector.schema.type_map[table.row.__name__]  # type: ignore[assignment]
        return type_

    def lookup(self, table: Table[Any], column: str) -> TableLookup:
        return TableLookup(Columns(table, [column], references=[]), [])

    def lookups(
        self, tables: Iterable[Table[Any]], field: CollectedField, *, required: bool
    ) -> Lookups:
        """Lookups by key of a field whose objects may be of any of these tables."""
        found = {table: self.lookup(table, table.key) for table in tables}
        for lookup in found.values():
            self.add_field(lookup, field, required=required)
        return found

    def add_field(self, lookup: TableLookup, field: CollectedField, *, required: bool) -> None:
        """Let a lookup fill a field with what the field selects."""
        plan = self.rows(lookup.columns, field.nodes)
        lookup.fields.append(LookupField(field.key, required, plan))

    def rows(self, columns: Columns, nodes: Sequence[FieldNode]) -> RowPlan:
        table, type_ = columns.table, self.type_of(columns.table)
        writer = CodeWriter(columns)
        steps: list[Step] = []
        to_ones: dict[Relation[Any], TableLookup] = {}
        made: dict[Any, MadeStep] = {}
        for field in self.collector.collect(type_, nodes):
            if field.name == "__typename":
                writer.text(field.key, type_.name)
                continue
            definition = type_.fields[field.name]
            match source_of(definition):
                case sources.FromColumn() | sources.GlobalId() | sources.Computed() as source:
                    _write(writer, field.key, source)
                case sources.Derived(column, read):
                    writer.converted(
                        field.key, column, one_by_one(self._derived(definition, field, read))
                    )
                case sources.MadeOfKeys(read):
                    writer.placeholder(field.key)
                    step = MadeStep(columns.index(table.key), read, [])
                    step = made.setdefault(read, step)
                    plain = self.plain(get_named_type(definition.type), field.nodes)
                    step.fields.append((field.key, plain))
                case sources.Sealed(seal):
                    writer.placeholder(field.key)
                    steps.append(SealedStep(field.key, columns.index(table.key), seal))
                case sources.ToOne() as to_one:
                    writer.placeholder(field.key)
                    steps += self._to_one(columns, field, to_one, to_ones)
                case sources.ToOneOf() as to_one_of:
                    writer.placeholder(field.key)
                    steps.append(self._to_one_of(columns, field, to_one_of))
                case sources.PagedList(_, relation) as listed if relation is not None:
                    writer.placeholder(field.key)
                    plan = self.page(listed, definition, field)
                    steps.append(PageStep(field.key, plan, columns.index(relation.column)))
                case other:
                    raise Fallback(f"{type_.name}.{field.name} ({other})")
        return writer.plan([*steps, *made.values()])

    def _is_leaf(self, table: Table[Any], field: CollectedField) -> bool:
        """Whether the objects lead to no others."""
        type_ = self.type_of(table)
        return not any(
            isinstance(source_of(type_.fields[each.name]), RELATIONS)
            for each in self.collector.collect(type_, field.nodes)
            if each.name != "__typename"
        )

    def _to_one(
        self,
        columns: Columns,
        field: CollectedField,
        to_one: sources.ToOne,
        lookups: dict[Relation[Any], TableLookup],
    ) -> list[Step]:
        """The step for the field, unless that of another field of the relation serves it too."""
        relation, references = to_one.relation, columns.references
        has_room = references is not None and len(references) < MOST_REFERENCES
        if references is not None and has_room and self._is_leaf(relation.child, field):
            child = Columns(relation.child)
            filled = LookupField(field.key, to_one.required, self.rows(child, field.nodes))
            references.append((relation, child))
            columns.index(relation.column)  # a BLOB, which leads to no row, is found there
            return [ReferenceStep(columns, len(references) - 1, filled)]
        is_known = relation in lookups
        if not is_known:
            lookups[relation] = self.lookup(relation.child, relation.child.key)
        self.add_field(lookups[relation], field, required=to_one.required)
        return [] if is_known else [ToOneStep(lookups[relation], columns.index(relation.column))]

    def page(
        self, source: sources.PagedList, definition: GraphQLField, field: CollectedField
    ) -> PagePlan:
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
                    fields = self.collector.collect(info, each.nodes)
                    parts.append(pages.PageInfo(each.key, [(one.key, one.name) for one in fields]))
                case "totalCount":
                    parts.append(pages.TotalCount(each.key))
                case "groups":
                    parts.append(pages.Groups(each.key, self.groups(type_, each)))
                case other:
                    raise Fallback(f"{type_.name}.{other}")
        return PagePlan(source, Arguments.of(definition, field.nodes[0]), columns, parts)

    def groups(self, page_type: GraphQLObjectType, field: CollectedField) -> GroupsPlan:
        definition = page_type.fields["groups"]
        of_table = GROUPS[source_of(definition).groupings.table]
        type_: Any = get_named_type(definition.type)
        members: list[tuple[str, groups.Read]] = []
        objects: dict[str, GroupObjects] = {}
        selected = set()
        for each in self.collector.collect(type_, field.nodes):
            if each.name == "__typename":
                members.append((each.key, lambda _: type_.name))
                continue
            match source_of(type_.fields[each.name]):
                case sources.GroupValue(name) as value:
                    selected.add(name)
                    members.append((each.key, groups.reader(type_.fields[each.name], value)))
                case sources.GroupObject(name, relation):
                    members.append((each.key, groups.empty))
                    if name not in objects:
                        lookup = self.lookup(relation.child, relation.child.key)
                        objects[name] = GroupObjects(name, lookup)
                    self.add_field(objects[name].lookup, each, required=False)
        arguments = Arguments.of(definition, field.nodes[0])
        return GroupsPlan(of_table, arguments, frozenset(selected), members, list(objects.values()))

    def plain(self, type_: Any, nodes: Sequence[FieldNode]) -> Callable[[Any], dict[str, Any]]:
        """Compile an object that has attributes only, such as a mutation's error."""
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
        self, columns: Columns, field: CollectedField, source: sources.ToOneOf
    ) -> UnionStep:
        lookups, indexes = {}, {}
        for which, relation in source.relations.items():
            lookup = self.lookup(relation.child, relation.child.key)
            self.add_field(lookup, field, required=source.required)
            lookups[which] = lookup
            indexes[which] = columns.index(relation.column)
        return UnionStep(lookups, columns.index(source.discriminator), indexes, source.required)

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
            raise Fallback(f"{type_.name}.{field.name}")
        name = definition.extensions[DEFINITION].python_name
        named: Any = get_named_type(definition.type)
        if isinstance(named, GraphQLEnumType):
            return field.key, lambda value: getattr(value, name).name
        if named.name == "BigInt":
            return field.key, lambda value: str(getattr(value, name))
        if not is_object_type(named):
            return field.key, lambda value: getattr(value, name)
        plain = self.plain(named, field.nodes)
        if is_list_type(get_nullable_type(definition.type)):
            return field.key, lambda value: [plain(each) for each in getattr(value, name)]
        return field.key, lambda value: plain(getattr(value, name))


def _write(
    writer: CodeWriter, key: str, source: sources.FromColumn | sources.GlobalId | sources.Computed
) -> None:
    """Write a field that needs only the row."""
    match source:
        case sources.FromColumn(column):
            writer.column(key, column)
        case sources.GlobalId():
            table = writer.columns.table
            writer.converted(key, table.key, one_by_one(global_id(table)))
        case sources.Computed(names, read):
            writer.computed(key, names, read)
