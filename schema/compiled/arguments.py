"""A field's arguments as its resolver takes them, by converters that are built once per type.

Strawberry inspects the type of every value on each call: a tenth of a small mutation (W4). Filters and
orderings become Strawberry's objects, inputs of mutations the mappings of `schema.inputs.to_inputs`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, TypeAlias

from graphql import (
    BooleanValueNode,
    FieldNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    StringValueNode,
    Undefined,
    VariableNode,
    coerce_input_literal,
    get_argument_values,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    is_scalar_type,
)

from schema.compiled.plan import PlanRun
from schema.fields.sources import DEFINITION, METADATA, MutationField

Convert: TypeAlias = Callable[[Any], Any]
NamedConverters: TypeAlias = list[tuple[str, str, Convert]]
"""For each value its name in GraphQL, its name in Python, and its converter."""


@dataclass(eq=False, slots=True)
class Arguments:
    """`whole` and `constants` are set if every argument is a variable or a scalar in the document, and no
    absent one has a default. `whole` pairs Python's names with variables; `converted` are those of them that
    need a converter.
    """

    field: GraphQLField
    node: FieldNode
    named: NamedConverters
    depend_on_variables: bool
    whole: list[tuple[str, str]] | None
    converted: list[tuple[str, Convert]]
    constants: dict[str, Any]

    @classmethod
    def of(cls, field: GraphQLField, node: FieldNode) -> "Arguments":
        values = [argument.value for argument in node.arguments or ()]
        names = argument_converters(field)
        has_variables = any(map(_has_variable, values))
        whole, constants = _whole(field, node, names)
        by_variable = dict(whole or ())
        converted = [
            (python, convert)
            for _, python, convert in names
            if python in by_variable and convert is not _unchanged
        ]
        return cls(field, node, names, has_variables, whole, converted, constants)

    def values(self, run: PlanRun) -> dict[str, Any]:
        """The values that the resolver gets, by Python's names; raises GraphQLError."""
        if self.whole is not None:
            coerced = run.variables.coerced
            values = {name: coerced.get(variable) for name, variable in self.whole}
            if None not in values.values():
                for name, convert in self.converted:
                    values[name] = convert(values[name])
                return values | self.constants
        sent = get_argument_values(self.field, self.node, run.variables)
        return convert_all(sent, self.named)


def _whole(
    field: GraphQLField, node: FieldNode, named: NamedConverters
) -> tuple[list[tuple[str, str]] | None, dict[str, Any]]:
    sent = {argument.name.value: argument.value for argument in node.arguments or ()}
    variables, constants = [], {}
    for name, python_name, _ in named:
        value, declared = sent.get(name), field.args[name]
        if value is None:
            if declared.default_value is not Undefined or declared.default is not None:
                return None, {}
        elif isinstance(value, VariableNode):
            variables.append((python_name, value.name.value))
        elif not is_scalar_type(get_nullable_type(declared.type)):
            return None, {}
        elif isinstance(value, (StringValueNode, IntValueNode, BooleanValueNode)):
            constants[python_name] = constant = coerce_input_literal(value, declared.type)
            if constant is Undefined:
                return None, {}
        else:
            return None, {}
    return variables, constants


def _has_variable(value: Any) -> bool:
    match value:
        case VariableNode():
            return True
        case ListValueNode():
            return any(map(_has_variable, value.values))
        case ObjectValueNode():
            return any(_has_variable(field.value) for field in value.fields)
    return False


def argument_converters(field: GraphQLField) -> NamedConverters:
    source = field.extensions[DEFINITION].metadata.get(METADATA)
    return _named(field.args, _mapping if isinstance(source, MutationField) else _object)


def convert_all(coerced: dict[str, Any], named: NamedConverters) -> dict[str, Any]:
    """The values that the client sent, by their names in Python."""
    return {python: convert(coerced[name]) for name, python, convert in named if name in coerced}


def _named(
    declared: dict[str, Any], of_input: Callable[[GraphQLInputObjectType], Convert]
) -> NamedConverters:
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
    return lambda value: None if value is None else convert_all(value, named)


class _Object:
    def __init__(self, type_: GraphQLInputObjectType) -> None:
        self._type = type_
        self._make: Callable[..., Any] = type_.extensions[DEFINITION].origin

    @cached_property
    def _fields(self) -> NamedConverters:
        # On first use only: the types of filters refer to each other.
        return _named(self._type.fields, _object)

    def __call__(self, value: Any) -> Any:
        return None if value is None else self._make(**convert_all(value, self._fields))
