"""The public contract: the schema has everything in contract.graphql, unchanged."""

from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    build_schema,
    print_ast,
)

from schema.built import sdl
from tests.support.expectations.printed_schema import PRINTED
from tests.support.paths import ROOT

PROMISED: dict[str, Any] = build_schema(
    (Path(__file__).parent / "contract.graphql").read_text()
).type_map
SERVED: dict[str, Any] = PRINTED.type_map
NAMES = sorted(name for name in PROMISED if not name.startswith("__"))


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_has_every_type_and_field_of_the_contract(name):
    promised, served = PROMISED[name], SERVED.get(name)

    assert type(served) is type(promised)
    match promised:
        case GraphQLEnumType():
            assert set(promised.values) <= set(served.values)
        case GraphQLUnionType():
            assert {t.name for t in promised.types} == {t.name for t in served.types}
        case GraphQLScalarType():
            assert served.specified_by_url == promised.specified_by_url
        case GraphQLObjectType() | GraphQLInterfaceType():
            assert {t.name for t in promised.interfaces} <= {t.name for t in served.interfaces}
            for field, definition in promised.fields.items():
                assert str(served.fields[field].type) == str(definition.type), field
                assert _arguments(served.fields[field]) == _arguments(definition), field
        case GraphQLInputObjectType():
            assert _inputs(promised) == _inputs(served)


def test_the_committed_schema_is_up_to_date():
    committed = ROOT / "schema" / "schema.graphql"

    assert committed.read_text() == sdl(), "chittygraph schema > schema/schema.graphql"


def _arguments(field):
    return {name: _promise(argument) for name, argument in field.args.items()}


def _inputs(type_):
    return {name: _promise(field) for name, field in type_.fields.items()}


def _promise(taken):
    default = taken.default and print_ast(taken.default.literal)
    return str(taken.type), default
