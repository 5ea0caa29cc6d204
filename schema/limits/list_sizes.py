"""How many entries a list of an answer may have: what the arguments say of it, variables included.

Variables are read as they were sent. What does not fit its type counts as absent here, and is refused
when it is coerced.
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

from schema.limits.selection_tree import When
from schema.limits.variable_amounts import Amount, Given

PAGING = ("first", "last")


@dataclass(frozen=True, slots=True)
class Values:
    """What an operation's variables come to where they are not sent."""

    defaults: Mapping[str, Any]

    @classmethod
    def of(cls, definitions: Iterable[VariableDefinitionNode]) -> "Values":
        """The defaults that these definitions declare."""
        return cls(
            {
                each.variable.name.value: value_from_ast_untyped(each.default_value)
                for each in definitions
                if each.default_value
            }
        )

    def read(self, name: str, given: Given) -> Any:
        """A variable's value as it was sent, else its default, else None."""
        return given[name] if name in given else self.defaults.get(name)

    def hold(self, conditions: Sequence[When], given: Given) -> bool:
        """Whether any of these conditions holds."""
        return any(
            all(self.read(name, given) is wanted for name, wanted in when) for when in conditions
        )


def is_page(definition: GraphQLField) -> bool:
    """Whether a field answers a page of a list."""
    return definition.args.keys() >= set(PAGING)


def is_list(definition: GraphQLField) -> bool:
    """Whether a field answers a plain list."""
    return is_list_type(get_nullable_type(definition.type))


def of_page(node: FieldNode, values: Values, default: int, most: int) -> Amount:
    """How many entries a page has at most; none where its size is refused."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    asked = [given[name] for name in PAGING if name in given]
    names = [each.name.value for each in asked if isinstance(each, VariableNode)]
    known = [int(each.value) for each in asked if isinstance(each, IntValueNode)]

    def size(sent: Given) -> int:
        for value in (*known, *[values.read(name, sent) for name in names]):
            if isinstance(value, int | float):  # JSON's 100.0 is an Int too
                return min(max(int(value), 0), most)
        return default

    return size if names else size({})


def of_list(node: FieldNode, definition: GraphQLField, values: Values) -> Amount | None:
    """How many entries the required list among a field's arguments has; None without one."""
    for argument in node.arguments or ():
        declared = definition.args[argument.name.value]
        if is_required_argument(declared) and is_list_type(get_nullable_type(declared.type)):
            return _length(argument.value, values)
    return None


def _length(node: ValueNode, values: Values) -> Amount:
    if isinstance(node, ListValueNode):
        return len(node.values)
    if not isinstance(node, VariableNode):
        return 1  # a single value stands for a list of it
    name = node.name.value

    def length(sent: Given) -> int:
        value = values.read(name, sent)
        return len(value) if isinstance(value, list) else 1

    return length
