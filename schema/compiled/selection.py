"""What an operation selects of a type: fragments resolved, directives decided, fields merged.

The rules are those of the GraphQL specification, 6.3.2 CollectFields.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    get_directive_values,
    is_abstract_type,
)
from graphql.execution.values import VariableValues


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an answer: its response key, and all the places that select it."""

    key: str
    nodes: tuple[FieldNode, ...]

    @property
    def name(self) -> str:
        """The field's name in the schema."""
        return self.nodes[0].name.value


@dataclass(frozen=True, slots=True)
class Selections:
    """Resolves the selections of one operation with these variables."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues

    def of(self, type_: GraphQLObjectType, nodes: Sequence[Any]) -> list[Field]:
        """The fields that the nodes' selection sets ask of a type, in the answer's order."""
        grouped: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for node in nodes:
            for field in self._fields(type_, node.selection_set.selections, seen):
                key = field.alias.value if field.alias else field.name.value
                grouped.setdefault(key, []).append(field)
        return [Field(key, tuple(fields)) for key, fields in grouped.items()]

    def _fields(
        self, type_: GraphQLObjectType, selections: Sequence[SelectionNode], seen: set[str]
    ) -> Iterator[FieldNode]:
        for selection in selections:
            if not self._wanted(selection):
                continue
            if isinstance(selection, FieldNode):
                yield selection
                continue
            fragment: Any = selection
            if isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name in seen:
                    continue
                seen.add(name)
                fragment = self.fragments[name]
            if self._applies(fragment, type_):
                yield from self._fields(type_, fragment.selection_set.selections, seen)

    def _wanted(self, node: Any) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self.variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self.variables)
        return not (skip and skip["if"]) and not (include and not include["if"])

    def _applies(
        self, fragment: FragmentDefinitionNode | InlineFragmentNode, type_: GraphQLObjectType
    ) -> bool:
        if fragment.type_condition is None:
            return True
        condition = self.schema.type_map[fragment.type_condition.name.value]
        return condition is type_ or (
            is_abstract_type(condition) and self.schema.is_sub_type(condition, type_)
        )
