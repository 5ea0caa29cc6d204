"""What the library makes of a field's arguments for its resolver, by converters made once for each type.

Strawberry asks anew of every value what its type is and what its field is called, which took a tenth of
a small mutation's time (W4 of the benchmark). Values arrive here as graphql-core has coerced them.
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

DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF

Convert: TypeAlias = Callable[[Any], Any]
Named: TypeAlias = list[tuple[str, str, Convert]]
"""Of each value its name in GraphQL, its name in Python, and what converts it."""


def arguments(field: GraphQLField) -> Named:
    """The arguments of a field."""
    return _named(field.args)


def converted(given: dict[str, Any], named: Named) -> dict[str, Any]:
    """What is given of these values, as Python has it."""
    return {python: convert(given[name]) for name, python, convert in named if name in given}


def _named(declared: dict[str, Any]) -> Named:
    return [
        (name, each.extensions[DEFINITION].python_name, _converter(each.type))
        for name, each in declared.items()
    ]


def _converter(type_: GraphQLInputType) -> Convert:
    bare: Any = get_nullable_type(type_)
    if is_list_type(bare):
        item = _converter(bare.of_type)
        return lambda value: None if value is None else [item(each) for each in value]
    return _input(bare) if is_input_object_type(bare) else _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


@cache
def _input(type_: GraphQLInputObjectType) -> "_Input":
    return _Input(type_)


class _Input:
    """Makes the object of an input type."""

    def __init__(self, type_: GraphQLInputObjectType) -> None:
        self._type = type_
        self._make: Callable[..., Any] = type_.extensions[DEFINITION].origin

    @cached_property
    def _fields(self) -> Named:
        # Only when it is first used: the types of filters hold each other.
        return _named(self._type.fields)

    def __call__(self, value: Any) -> Any:
        return None if value is None else self._make(**converted(value, self._fields))
