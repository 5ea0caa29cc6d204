"""An operation's variables, coerced for each request by graphql-core's rules.

What is to be done is found out once for types that do not contain themselves, as filters do: to ask for the
type at each value took most of the time (W1 and W4).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    Undefined,
    VariableDefinitionNode,
    get_nullable_type,
    get_variable_values,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities.coerce_input_value import coerce_default_value

from schema.built import GRAPHQL

Coerce: TypeAlias = Callable[[Any], Any]
"""Coerces a value of one type; if it does not fit, it returns Undefined or raises any error."""

NO_VARIABLES = VariableValues({}, {})
_REQUIRED = object()


class Variables:
    def __init__(self, definitions: Sequence[VariableDefinitionNode]) -> None:
        self._definitions = definitions
        self._compiled = _compiled(definitions)
        self._names = {signature.name for signature, _ in self._compiled or ()}

    def coerce(self, inputs: Mapping[str, Any]) -> VariableValues | None:
        """The coerced values, or None if they do not fit."""
        if self._compiled is None or not self._names <= inputs.keys():
            # Generic execution reports what does not fit. Collecting thousands of errors here took ten times
            # as long.
            values = get_variable_values(GRAPHQL, self._definitions, dict(inputs), max_errors=1)
            return values if isinstance(values, VariableValues) else None
        result = NO_VARIABLES if not self._compiled else VariableValues({}, {})
        for signature, coerce in self._compiled:
            value = inputs[signature.name]
            try:
                coerced = coerce(value)
            except Exception:  # as graphql-core does
                return None
            if coerced is Undefined:
                return None
            result.sources[signature.name] = VariableValueSource(signature, value)
            result.coerced[signature.name] = coerced
        return result


def _compiled(
    definitions: Sequence[VariableDefinitionNode],
) -> list[tuple[GraphQLVariableSignature, Coerce]] | None:
    """The variables' signatures and coercions; None if a value may nest to any depth, and so too deep."""
    compiled = []
    for definition in definitions:
        signature = get_variable_signature(GRAPHQL, definition)
        if isinstance(signature, GraphQLError) or not _is_bounded(signature.type):
            return None
        compiled.append((signature, _coercion(signature.type)))
    return compiled


def _is_bounded(type_: GraphQLInputType, *within: GraphQLInputType) -> bool:
    """Whether no input object may hold another one of its own type, and no list another list."""
    bare: Any = get_nullable_type(type_)
    if is_list_type(bare):
        bare = get_nullable_type(bare.of_type)
    if not is_input_object_type(bare):
        return is_leaf_type(bare)
    return (
        bare not in within
        and not bare.is_one_of
        and all(_is_bounded(field.type, bare, *within) for field in bare.fields.values())
    )


def _coercion(type_: GraphQLInputType) -> Coerce:
    """What coerce_input_value does to a value of this type."""
    bare: Any = get_nullable_type(type_)
    if is_list_type(bare):
        coerce = _of_list(_coercion(bare.of_type))
    elif is_input_object_type(bare):
        coerce = _of_object(bare)
    else:
        coerce = bare.coerce_input_value
    of_null = Undefined if is_non_null_type(type_) else None
    return lambda value: of_null if value is None else coerce(value)


def _of_list(coerce_item: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        coerced = []
        for each in value if isinstance(value, list) else (value,):
            item = coerce_item(each)
            if item is Undefined:
                return Undefined
            coerced.append(item)
        return coerced

    return coerce


@cache
def _of_object(type_: GraphQLInputObjectType) -> Coerce:
    names = type_.fields.keys()
    fields = [
        (
            name,
            field.out_name or name,
            _coercion(field.type),
            _REQUIRED if is_required_input_field(field) else coerce_default_value(field),
        )
        for name, field in type_.fields.items()
    ]

    def coerce(value: Any) -> Any:
        if not isinstance(value, dict) or not value.keys() <= names:
            return Undefined
        coerced = {}
        for name, key, coerce_field, default in fields:
            if name in value:
                coerced[key] = each = coerce_field(value[name])
                if each is Undefined:
                    return Undefined
            elif default is _REQUIRED:
                return Undefined
            elif default is not Undefined:
                coerced[key] = default
        return type_.out_type(coerced)

    return coerce
