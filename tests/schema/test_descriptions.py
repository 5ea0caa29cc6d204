"""Everything in the schema has a description, for the documentation panel of GraphiQL."""

from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_scalar_type,
)

from tests.support.expectations.printed_schema import PRINTED

TYPES = {
    name: type_
    for name, type_ in PRINTED.type_map.items()
    if not is_introspection_type(type_) and not is_specified_scalar_type(type_)
}


@pytest.mark.parametrize("name", TYPES)
def test_a_type_and_all_its_parts_are_described(name: str):
    described = dict(described_parts(TYPES[name]))

    assert [part for part, text in described.items() if not (text or "").strip()] == []


def described_parts(type_: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    """Every part of a type that can have a description, by path, with that description."""
    yield type_.name, type_.description
    match type_:
        case GraphQLEnumType():
            for name, value in type_.values.items():
                yield f"{type_.name}.{name}", value.description
        case GraphQLInputObjectType():
            for name, taken in type_.fields.items():
                yield f"{type_.name}.{name}", taken.description
        case GraphQLObjectType() | GraphQLInterfaceType():
            for name, field in type_.fields.items():
                yield f"{type_.name}.{name}", field.description
                for name_, argument in field.args.items():
                    yield f"{type_.name}.{name}({name_}:)", argument.description
