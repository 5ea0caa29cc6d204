"""What a plan is run with: the viewer's scope, and the operation's variables as they came."""

from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    ListValueNode,
    ObjectValueNode,
    VariableNode,
    get_argument_values,
)
from graphql.execution.values import VariableValues
from strawberry.types.arguments import convert_arguments

from resolvers.scope import Scope
from schema.served import SCHEMA

_CONVERTER = SCHEMA.schema_converter


@dataclass(frozen=True, slots=True)
class Request:
    """One run of a plan."""

    scope: Scope
    variables: VariableValues


@dataclass(eq=False, slots=True)
class Arguments:
    """The arguments of one field of an operation, as its resolver would get them."""

    field: GraphQLField
    node: FieldNode
    depend_on_variables: bool

    @classmethod
    def of(cls, field: GraphQLField, node: FieldNode) -> "Arguments":
        """The arguments that a node gives to a field."""
        given = [argument.value for argument in node.arguments or ()]
        return cls(field, node, any(map(_has_variable, given)))

    def values(self, request: Request) -> dict[str, Any]:
        """The arguments' values by Python's names; raises GraphQLError where the library does."""
        coerced = get_argument_values(self.field, self.node, request.variables)
        definition = self.field.extensions[_CONVERTER.DEFINITION_BACKREF]
        return convert_arguments(
            coerced, definition.arguments, _CONVERTER.scalar_registry, _CONVERTER.config
        )


def _has_variable(value: Any) -> bool:
    match value:
        case VariableNode():
            return True
        case ListValueNode():
            return any(map(_has_variable, value.values))
        case ObjectValueNode():
            return any(_has_variable(field.value) for field in value.fields)
    return False
