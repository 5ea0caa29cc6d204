"""CollectFields of the GraphQL specification (6.3.2): which fields an operation selects of a type.

The limits count fields before variables are coerced, so they collect with `schema.limits.selection_tree`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLSkipDirective,
    SelectionNode,
    VariableNode,
    get_directive_values,
    get_named_type,
    is_abstract_type,
    visit,
)
from graphql.execution.values import VariableValues
from graphql.language import Visitor


@dataclass(frozen=True, slots=True)
class CollectedField:
    """One response key and every field node that it merges."""

    key: str
    nodes: tuple[FieldNode, ...]

    @property
    def name(self) -> str:
        return self.nodes[0].name.value


@dataclass(frozen=True, slots=True)
class FieldCollector:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues

    def collect(self, type_: GraphQLObjectType, nodes: Sequence[Any]) -> list[CollectedField]:
        grouped: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        for node in nodes:
            for field in self._fields(type_, node.selection_set.selections, spread):
                key = field.alias.value if field.alias else field.name.value
                grouped.setdefault(key, []).append(field)
        return [CollectedField(key, tuple(fields)) for key, fields in grouped.items()]

    def _fields(
        self, type_: GraphQLObjectType, selections: Sequence[SelectionNode], spread: set[str]
    ) -> Iterator[FieldNode]:
        for selection in selections:
            if not self._is_included(selection):
                continue
            if isinstance(selection, FieldNode):
                yield selection
                continue
            fragment: Any = selection
            if isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name in spread:
                    continue
                spread.add(name)
                fragment = self.fragments[name]
            if type_applies(self.schema, fragment, type_):
                yield from self._fields(type_, fragment.selection_set.selections, spread)

    def _is_included(self, node: Any) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self.variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self.variables)
        return not (skip and skip["if"]) and not (include and not include["if"])


def type_applies(schema: GraphQLSchema, fragment: Any, type_: GraphQLObjectType) -> bool:
    if fragment.type_condition is None:
        return True
    condition = schema.type_map[fragment.type_condition.name.value]
    return condition is type_ or (
        is_abstract_type(condition) and schema.is_sub_type(condition, type_)
    )


def selects(info: GraphQLResolveInfo[Any], *path: str) -> bool:
    """Whether the resolved field selects `path` below itself; True if CollectFields fails."""
    collector = FieldCollector(info.schema, info.fragments, info.variable_values)
    type_: Any = get_named_type(info.return_type)
    nodes: Sequence[FieldNode] = info.field_nodes
    try:
        for name in path:
            fields = [field for field in collector.collect(type_, nodes) if field.name == name]
            if not fields:
                return False
            nodes = [node for field in fields for node in field.nodes]
            type_ = get_named_type(type_.fields[name].type)
    except GraphQLError:  # null for the condition of @skip or @include, which a default allows
        return True
    return True


def directive_variables(document: DocumentNode) -> tuple[str, ...]:
    finder = _DirectiveVariables()
    visit(document, finder)
    return tuple(finder.names)


class _DirectiveVariables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, None] = {}

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names[argument.value.name.value] = None
