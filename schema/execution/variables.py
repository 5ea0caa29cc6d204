"""An operation's variables, coerced for each request by graphql-core's rules."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInputType,
    GraphQLScalarType,
    Undefined,
    VariableDefinitionNode,
    coerce_input_value,
    get_nullable_type,
    get_variable_values,
    is_input_object_type,
    is_leaf_type,
)
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import VariableValues, VariableValueSource

from schema.built import GRAPHQL

NO_VARIABLES = VariableValues({}, {})


class Variables:
    def __init__(self, definitions: Sequence[VariableDefinitionNode]) -> None:
        self._definitions = definitions
        self._flat_signatures = _flat_signatures(definitions)

    def coerce(self, inputs: Mapping[str, Any]) -> VariableValues | None:
        """The coerced values, or None if they do not fit."""
        if self._flat_signatures is None or not all(
            each.name in inputs for each in self._flat_signatures
        ):
            # Generic execution reports what does not fit. Collecting thousands of errors here took ten times
            # as long.
            values = get_variable_values(GRAPHQL, self._definitions, dict(inputs), max_errors=1)
            return values if isinstance(values, VariableValues) else None
        # As get_variable_values does, but without resolving each variable's type again (W1 and W4).
        result = NO_VARIABLES if not self._flat_signatures else VariableValues({}, {})
        for signature in self._flat_signatures:
            value = inputs[signature.name]
            leaf: Any = get_nullable_type(signature.type)
            if value is None or not isinstance(leaf, GraphQLScalarType):
                coerced = coerce_input_value(value, signature.type)
            else:
                try:
                    coerced = leaf.coerce_input_value(value)
                except Exception:  # as graphql-core does
                    return None
            if coerced is Undefined:
                return None
            result.sources[signature.name] = VariableValueSource(signature, value)
            result.coerced[signature.name] = coerced
        return result


def _flat_signatures(
    definitions: Sequence[VariableDefinitionNode],
) -> list[GraphQLVariableSignature] | None:
    """The variables' signatures; None if a value may nest, and so nest too deep."""
    signatures = []
    for definition in definitions:
        signature = get_variable_signature(GRAPHQL, definition)
        if isinstance(signature, GraphQLError) or not _is_flat(signature.type):
            return None
        signatures.append(signature)
    return signatures


def _is_flat(type_: GraphQLInputType) -> bool:
    bare: Any = get_nullable_type(type_)
    fields = bare.fields.values() if is_input_object_type(bare) else ()
    return is_leaf_type(bare) or (
        bool(fields) and all(is_leaf_type(get_nullable_type(field.type)) for field in fields)
    )
