"""The objects that an operation may return, by type, for all values of its variables at once.

Fields are collected and merged as in `schema.fields.collect_fields`, with one difference: where a
variable decides @skip or @include, both outcomes are kept, each with its condition. The tree is made
once per document, before any variables are there, and the limits count with it for each request.
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

from schema.fields.collect_fields import applies

When: TypeAlias = frozenset[tuple[str, bool]]
"""What must hold for a selection to count: variables by name, and the values that they must have."""

ALWAYS: When = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a document that selects a field, and under which condition."""

    node: FieldNode
    when: When


@dataclass(frozen=True, slots=True)
class Branch:
    """A field that answers objects: under its response key, with a shape for each type they may have."""

    key: str
    definition: GraphQLField
    places: list[Place]
    shapes: "dict[str, Shape]"

    @property
    def name(self) -> str:
        """The field's name in the schema."""
        return self.places[0].node.name.value


@dataclass(frozen=True, slots=True)
class Shape:
    """What is selected of one object type: all response keys, and those that lead to objects."""

    type: GraphQLObjectType
    keys: frozenset[str]
    branches: list[Branch]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Makes shapes of valid selections; they must be bounded in size before."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]

    def of(
        self, type_: GraphQLObjectType, selected: Iterable[tuple[SelectionSetNode, When]]
    ) -> Shape:
        """The shape of an object of which all these are selected."""
        grouped: dict[str, list[Place]] = {}
        collecting = _Collecting(self, type_)
        for selection_set, when in selected:
            for place in collecting.places(selection_set, when):
                node = place.node
                grouped.setdefault((node.alias or node.name).value, []).append(place)
        branches = [self._branch(type_, key, places) for key, places in grouped.items()]
        return Shape(type_, frozenset(grouped), [branch for branch in branches if branch])

    def _branch(self, parent: GraphQLObjectType, key: str, places: list[Place]) -> Branch | None:
        definition: Any = self.schema.get_field(parent, places[0].node.name.value)
        named: Any = get_named_type(definition.type)
        if not is_composite_type(named):
            return None
        inner = [(place.node.selection_set, place.when) for place in places]
        types = self.schema.get_possible_types(named) if is_abstract_type(named) else [named]
        shapes = {each.name: self.of(each, inner) for each in types}  # type: ignore[arg-type]
        return Branch(key, definition, places, shapes)


@dataclass(slots=True)
class _Collecting:
    shapes: Shapes
    type_: GraphQLObjectType
    seen: set[tuple[str, When]] = field(default_factory=set)

    def places(self, selection_set: SelectionSetNode, when: When) -> Iterator[Place]:
        for selection in selection_set.selections:
            holds = _also(when, selection)
            if holds is None:
                continue
            if isinstance(selection, FieldNode):
                yield Place(selection, holds)
                continue
            fragment: Any = selection
            if isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if (name, holds) in self.seen:
                    continue
                self.seen.add((name, holds))
                fragment = self.shapes.fragments[name]
            if applies(self.shapes.schema, fragment, self.type_):
                yield from self.places(fragment.selection_set, holds)


def _also(when: When, selection: SelectionNode) -> When | None:
    """The condition with what a selection's own directives add; None where it never holds."""
    for directive in selection.directives or ():
        name, arguments = directive.name.value, directive.arguments or ()
        if name not in ("skip", "include"):
            continue
        given, wanted = arguments[0].value, name == "include"
        if isinstance(given, VariableNode):
            when |= {(given.name.value, wanted)}
        elif isinstance(given, BooleanValueNode) and given.value is not wanted:
            return None
    return when
