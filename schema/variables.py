"""An operation's variables: declared once, and coerced for each request by the library's own rules."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLError,
    Undefined,
    VariableDefinitionNode,
    coerce_input_value,
    get_nullable_type,
    get_variable_values,
    is_leaf_type,
)
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import VariableValues, VariableValueSource

from schema.served import GRAPHQL

NONE = VariableValues({}, {})


class Variables:
    """What one operation declares."""

    def __init__(self, definitions: Sequence[VariableDefinitionNode]) -> None:
        self._definitions = definitions
        self._leaves = _leaves(definitions)

    def coerced(self, given: Mapping[str, Any]) -> VariableValues | None:
        """The values that these come to, or None when they do not fit."""
        if self._leaves is None or not all(leaf.name in given for leaf in self._leaves):
            values = get_variable_values(GRAPHQL, self._definitions, dict(given))
            return values if isinstance(values, VariableValues) else None
        # What the library does with them, without asking anew what each variable's type is (W1).
        made = NONE if not self._leaves else VariableValues({}, {})
        for leaf in self._leaves:
            value = given[leaf.name]
            coerced = coerce_input_value(value, leaf.type)
            if coerced is Undefined:
                return None
            made.sources[leaf.name] = VariableValueSource(leaf, value)
            made.coerced[leaf.name] = coerced
        return made


def _leaves(
    definitions: Sequence[VariableDefinitionNode],
) -> list[GraphQLVariableSignature] | None:
    """The variables, when all are single scalars or enum values."""
    found = []
    for definition in definitions:
        signature = get_variable_signature(GRAPHQL, definition)
        if isinstance(signature, GraphQLError) or not is_leaf_type(
            get_nullable_type(signature.type)
        ):
            return None
        found.append(signature)
    return found
