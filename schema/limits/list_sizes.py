"""How many entries a list may have, according to its arguments and the variables in them.

Variables are read as sent: one of the wrong type counts as absent here; coercion refuses it later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    IntValueNode,
    ListValueNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    get_nullable_type,
    is_list_type,
    is_required_argument,
    value_from_ast_untyped,
)

from schema.fields.costs import Size
from schema.limits.selection_tree import IncludeCondition
from schema.limits.variable_amounts import Amount, SentVariables

PAGE_SIZE_ARGUMENTS = ("first", "last")
PAGE_ARGUMENTS = {"first", "after"}
"""What every page takes; a search is read forwards only."""


@dataclass(frozen=True, slots=True)
class VariableReader:
    defaults: Mapping[str, Any]

    @classmethod
    def of(cls, definitions: Iterable[VariableDefinitionNode]) -> "VariableReader":
        return cls(
            {
                each.variable.name.value: value_from_ast_untyped(each.default_value)
                for each in definitions
                if each.default_value
            }
        )

    def read(self, name: str, sent: SentVariables) -> Any:
        return sent[name] if name in sent else self.defaults.get(name)

    def any_holds(self, conditions: Sequence[IncludeCondition], sent: SentVariables) -> bool:
        return any(
            all(self.read(name, sent) is required for name, required in when) for when in conditions
        )


def is_page(definition: GraphQLField) -> bool:
    return definition.args.keys() >= PAGE_ARGUMENTS


def is_list(definition: GraphQLField) -> bool:
    return is_list_type(get_nullable_type(definition.type))


def of_page(node: FieldNode, variables: VariableReader, default: int, max_size: int) -> Amount:
    """How many entries a page may have; an out-of-range size counts as the nearest allowed one."""
    arguments = {argument.name.value: argument.value for argument in node.arguments or ()}
    sizes = [arguments[name] for name in PAGE_SIZE_ARGUMENTS if name in arguments]
    names = [size.name.value for size in sizes if isinstance(size, VariableNode)]
    literals = [int(size.value) for size in sizes if isinstance(size, IntValueNode)]

    def size_for(sent: SentVariables) -> int:
        for value in (*literals, *[variables.read(name, sent) for name in names]):
            if isinstance(value, int | float):  # JSON's 100.0 is an Int too
                return min(max(int(value), 0), max_size)
        return default

    return size_for if names else size_for({})


def of_argument(
    node: FieldNode, definition: GraphQLField, size: Size, variables: VariableReader
) -> Amount:
    """The size that an argument says, or its default; out of range it counts as the nearest allowed one."""
    name, most = size
    given = next((each.value for each in node.arguments or () if each.name.value == name), None)
    default: int = definition.args[name].default_value

    def within(value: Any) -> int:
        # JSON's 100.0 is an Int, too.
        return min(max(int(value), 0), most) if isinstance(value, int | float) else default

    if isinstance(given, VariableNode):
        variable = given.name.value
        return lambda sent: within(variables.read(variable, sent))
    return within(int(given.value) if isinstance(given, IntValueNode) else None)


def of_list(node: FieldNode, definition: GraphQLField, variables: VariableReader) -> Amount | None:
    """The length of the field's required list argument; None if it has none."""
    for argument in node.arguments or ():
        declared = definition.args[argument.name.value]
        if is_required_argument(declared) and is_list_type(get_nullable_type(declared.type)):
            return _length(argument.value, variables)
    return None


def _length(node: ValueNode, variables: VariableReader) -> Amount:
    if isinstance(node, ListValueNode):
        return len(node.values)
    if not isinstance(node, VariableNode):
        return 1  # a single value is coerced to a list of it
    name = node.name.value

    def length(sent: SentVariables) -> int:
        value = variables.read(name, sent)
        return len(value) if isinstance(value, list) else 1

    return length
