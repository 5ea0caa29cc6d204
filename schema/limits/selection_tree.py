"""The objects that an operation may return, by type, for all values of its variables at once.

Where a variable decides @skip or @include, both outcomes are kept, each with its condition. The tree is
made once per document; each request evaluates it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)

from schema.fields.collect_fields import type_applies

IncludeCondition: TypeAlias = frozenset[tuple[str, bool]]
"""A condition: variables by name, with the values that they all must have."""

ALWAYS: IncludeCondition = frozenset()


@dataclass(frozen=True, slots=True)
class Occurrence:
    node: FieldNode
    when: IncludeCondition


@dataclass(frozen=True, slots=True)
class ObjectField:
    """A field that returns objects, with a selection for each type that they may have."""

    key: str
    definition: GraphQLField
    occurrences: list[Occurrence]
    selections: "dict[str, ObjectSelection]"

    @property
    def name(self) -> str:
        return self.occurrences[0].node.name.value


@dataclass(frozen=True, slots=True)
class ObjectSelection:
    """All response keys selected of one object type, and the fields that return objects."""

    type: GraphQLObjectType
    keys: frozenset[str]
    fields: list[ObjectField]


@dataclass(frozen=True, slots=True)
class SelectionTreeBuilder:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]

    def build(
        self,
        type_: GraphQLObjectType,
        selected: Iterable[tuple[SelectionSetNode, IncludeCondition]],
    ) -> ObjectSelection:
        grouped: dict[str, list[Occurrence]] = {}
        collector = _Collector(self, type_)
        for selection_set, when in selected:
            for occurrence in collector.occurrences(selection_set, when):
                node = occurrence.node
                grouped.setdefault((node.alias or node.name).value, []).append(occurrence)
        fields = [self._field(type_, key, each) for key, each in grouped.items()]
        return ObjectSelection(type_, frozenset(grouped), [field for field in fields if field])

    def _field(
        self, parent: GraphQLObjectType, key: str, occurrences: list[Occurrence]
    ) -> ObjectField | None:
        definition: Any = self.schema.get_field(parent, occurrences[0].node.name.value)
        named: Any = get_named_type(definition.type)
        if not is_composite_type(named):
            return None
        inner = [(each.node.selection_set, each.when) for each in occurrences]
        types = self.schema.get_possible_types(named) if is_abstract_type(named) else [named]
        selections = {each.name: self.build(each, inner) for each in types}  # type: ignore[arg-type]
        return ObjectField(key, definition, occurrences, selections)


@dataclass(slots=True)
class _Collector:
    builder: SelectionTreeBuilder
    type_: GraphQLObjectType
    spread: set[tuple[str, IncludeCondition]] = field(default_factory=set)

    def occurrences(
        self, selection_set: SelectionSetNode, when: IncludeCondition
    ) -> Iterator[Occurrence]:
        for selection in selection_set.selections:
            condition = _condition(when, selection)
            if condition is None:
                continue
            if isinstance(selection, FieldNode):
                yield Occurrence(selection, condition)
                continue
            fragment: Any = selection
            if isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if (name, condition) in self.spread:
                    continue
                self.spread.add((name, condition))
                fragment = self.builder.fragments[name]
            if type_applies(self.builder.schema, fragment, self.type_):
                yield from self.occurrences(fragment.selection_set, condition)


def _condition(when: IncludeCondition, selection: SelectionNode) -> IncludeCondition | None:
    """The condition together with a selection's own @skip and @include; None if it never holds."""
    for directive in selection.directives or ():
        name, arguments = directive.name.value, directive.arguments or ()
        if name not in ("skip", "include"):
            continue
        value, required = arguments[0].value, name == "include"
        if isinstance(value, VariableNode):
            when |= {(value.name.value, required)}
        elif isinstance(value, BooleanValueNode) and value.value is not required:
            return None
    return when
