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
    get_nullable_type,
    is_scalar_type,
)
from graphql.execution.values import VariableValues

from resolvers.operation_context import OperationContext
from schema.compiled import arguments


@dataclass(frozen=True, slots=True)
class Request:
    """One run of a plan."""

    ctx: OperationContext
    variables: VariableValues


@dataclass(eq=False, slots=True)
class Arguments:
    """The arguments of one field of an operation, as its resolver would get them."""

    field: GraphQLField
    node: FieldNode
    named: arguments.Named
    depend_on_variables: bool
    plain: list[tuple[str, str]] | None

    @classmethod
    def of(cls, field: GraphQLField, node: FieldNode) -> "Arguments":
        """The arguments that a node gives to a field."""
        given = [argument.value for argument in node.arguments or ()]
        named = arguments.arguments(field)
        return cls(field, node, named, any(map(_has_variable, given)), _plain(field, node, named))

    def values(self, request: Request) -> dict[str, Any]:
        """The arguments' values by Python's names; raises GraphQLError where the library does."""
        if self.plain is not None:
            known = request.variables.coerced
            values = {name: known.get(variable) for name, variable in self.plain}
            if None not in values.values():
                return values
        given = get_argument_values(self.field, self.node, request.variables)
        return arguments.converted(given, self.named)


def _plain(
    field: GraphQLField, node: FieldNode, named: arguments.Named
) -> list[tuple[str, str]] | None:
    """Python's names and the variables of the arguments, when each is a scalar from a variable.

    Nothing is left to convert then: the variables were.
    """
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    found = []
    for name, python_name, _ in named:
        value = given.get(name)
        if not isinstance(value, VariableNode) or not is_scalar_type(
            get_nullable_type(field.args[name].type)
        ):
            return None
        found.append((python_name, value.name.value))
    return found


def _has_variable(value: Any) -> bool:
    match value:
        case VariableNode():
            return True
        case ListValueNode():
            return any(map(_has_variable, value.values))
        case ObjectValueNode():
            return any(_has_variable(field.value) for field in value.fields)
    return False
