"""The arguments of a field as its resolver takes them, made by converters that are built once per type.

Strawberry inspects the type of every value anew with each call, which took a tenth of a small mutation
(W4 of the benchmark). Values arrive here as graphql-core has coerced them. Filters and orderings become
the objects that Strawberry makes; inputs of mutations become the mappings that the rules take, the
same that `schema.inputs.to_inputs` makes of Strawberry's objects.
"""

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, TypeAlias

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from schema.fields.sources import METADATA, MutationField

DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF

Convert: TypeAlias = Callable[[Any], Any]
Named: TypeAlias = list[tuple[str, str, Convert]]
"""For each value its name in GraphQL, its name in Python, and its converter."""


def arguments(field: GraphQLField) -> Named:
    """The arguments of a field."""
    source = field.extensions[DEFINITION].metadata.get(METADATA)
    return _named(field.args, _mapping if isinstance(source, MutationField) else _object)


def converted(coerced: dict[str, Any], named: Named) -> dict[str, Any]:
    """Those of these values that the client sent, under their names in Python."""
    return {python: convert(coerced[name]) for name, python, convert in named if name in coerced}


def _named(
    declared: dict[str, Any], of_input: Callable[[GraphQLInputObjectType], Convert]
) -> Named:
    return [
        (name, each.extensions[DEFINITION].python_name, _converter(each.type, of_input))
        for name, each in declared.items()
    ]


def _converter(
    type_: GraphQLInputType, of_input: Callable[[GraphQLInputObjectType], Convert]
) -> Convert:
    bare: Any = get_nullable_type(type_)
    if is_list_type(bare):
        item = _converter(bare.of_type, of_input)
        return lambda value: None if value is None else [item(each) for each in value]
    return of_input(bare) if is_input_object_type(bare) else _unchanged


def _unchanged(value: Any) -> Any:
    return value


@cache
def _object(type_: GraphQLInputObjectType) -> Convert:
    return _Object(type_)


@cache
def _mapping(type_: GraphQLInputObjectType) -> Convert:
    named = _named(type_.fields, _mapping)
    return lambda value: None if value is None else converted(value, named)


class _Object:
    """Makes the Strawberry object of an input type."""

    def __init__(self, type_: GraphQLInputObjectType) -> None:
        self._type = type_
        self._make: Callable[..., Any] = type_.extensions[DEFINITION].origin

    @cached_property
    def _fields(self) -> Named:
        # On first use only: the types of filters refer to each other.
        return _named(self._type.fields, _object)

    def __call__(self, value: Any) -> Any:
        return None if value is None else self._make(**converted(value, self._fields))
