"""Arguments: converted by what is made once for their types, they are what the library makes of them."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    get_argument_values,
    get_variable_values,
    parse,
)
from graphql.execution.values import VariableValues
from strawberry.types.arguments import convert_arguments

from schema.built import GRAPHQL, SCHEMA
from schema.compiled import arguments
from schema.execution.variables import Variables
from schema.fields.sources import DEFINITION
from schema.inputs import to_inputs
from tests.support.corpus import non_canonical, pool
from tests.support.corpus.arguments import Arguments
from tests.support.corpus.chance import Chance
from tests.support.corpus.draft import ABSENT, Draft
from tests.support.corpus.pool import Pool

CONVERTER = SCHEMA.schema_converter
TIMES = 40
SEED = 11


def fields_with_arguments() -> Iterator[tuple[str, GraphQLField]]:
    for type_ in GRAPHQL.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            for name, field in type_.fields.items():
                if field.args and not name.startswith("__"):
                    yield f"{type_.name}.{name}", field


FIELDS = dict(fields_with_arguments())


@pytest.fixture(scope="module")
def values(tmp_path_factory) -> Pool:
    """What there is to ask for in a registry."""
    path = tmp_path_factory.mktemp("inputs") / "registry.db"
    non_canonical.fill_canonical(path, SEED)
    return pool.read(path)


def asked(values: Pool, name: str, number: int, *, careful: bool) -> tuple[Any, dict[str, Any]]:
    """An operation that asks for a field with random arguments, and its variables."""
    draft = Draft(number, Chance(SEED, number), values, careful=careful)
    written, _ = Arguments(draft).of(name.partition(".")[2], FIELDS[name], rows=20)
    declared = ", ".join(each.declared for each in draft.variables.values())
    document = parse(f"query {f'({declared})' if declared else ''} {{ field{written} }}")
    given = {each.name: each.value for each in draft.variables.values() if each.value is not ABSENT}
    return document.definitions[0], given


def outcome(convert: Any) -> Any:
    try:
        return convert()
    except GraphQLError as error:
        return str(error)


def as_the_rules_take_them(made: dict[str, Any]) -> dict[str, Any]:
    """A mutation's arguments as its generic resolver hands them to the rule."""
    return {
        name: [to_inputs(each) for each in value] if isinstance(value, list) else to_inputs(value)
        for name, value in made.items()
    }


@pytest.mark.parametrize("name", FIELDS)
def test_the_arguments_of_every_field_are_converted_as_the_library_does(values, name):
    field, compared = FIELDS[name], 0
    named = arguments.argument_converters(field)
    declared = field.extensions[DEFINITION].arguments
    for number in range(TIMES):
        operation, given = asked(values, name, number, careful=number % 4 > 0)
        node = operation.selection_set.selections[0]
        variables = get_variable_values(GRAPHQL, operation.variable_definitions or (), given)
        if not isinstance(variables, VariableValues):
            continue

        def stock(variables=variables, node=node) -> Any:
            coerced = get_argument_values(field, node, variables)
            made = convert_arguments(coerced, declared, CONVERTER.scalar_registry, CONVERTER.config)
            return as_the_rules_take_them(made) if name.startswith("Mutation.") else made

        def ours(variables=variables, node=node) -> Any:
            coerced = get_argument_values(field, node, variables)
            return arguments.convert_all(coerced, named)

        assert repr(outcome(ours)) == repr(outcome(stock))
        compared += 1

    assert compared >= TIMES / 2


@pytest.mark.parametrize("name", FIELDS)
def test_variables_of_every_type_are_coerced_as_the_library_does(values, name):
    for number in range(TIMES):
        operation, given = asked(values, name, number, careful=number % 2 > 0)
        stock = get_variable_values(GRAPHQL, operation.variable_definitions or (), given)
        ours = Variables(operation.variable_definitions or ()).coerce(given)

        assert told(ours) == told(stock if isinstance(stock, VariableValues) else None)


def told(values: VariableValues | None) -> Any:
    """What is in coerced variables, but for their types: the library makes those anew each time."""
    if values is None:
        return None
    sources = {
        name: (str(each.signature.type), each.value) for name, each in values.sources.items()
    }
    return repr((values.coerced, sources))
