"""How much a value of an input type holds, counted on what the client sent, before it is coerced."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, cast

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLSchema,
    VariableDefinitionNode,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    type_from_ast,
)

from schema.fields.scalars import JSON
from schema.limits.limits import LIMITS
from schema.limits.list_sizes import VariableReader
from schema.limits.variable_amounts import SentVariables


@dataclass(slots=True)
class InputSize:
    """`objects` are input objects of the schema; `values` everything else, also lists and what JSON holds.

    Counting stops beyond the limits: to count everything in a body takes as long as to coerce it.
    """

    objects: int = 0
    values: int = 0

    @property
    def is_enough(self) -> bool:
        return self.objects > LIMITS.input_objects or self.values > LIMITS.input_values


Measure: TypeAlias = Callable[[Any, InputSize], None]
"""Adds what a value of one type holds; a value of the wrong type counts as one."""


def measure_of(type_: GraphQLInputType) -> Measure:
    bare: Any = get_nullable_type(type_)
    if is_list_type(bare):
        return _measure_of_list(measure_of(bare.of_type))
    if is_input_object_type(bare):
        return _measure_of_object(bare)
    return _count_json if bare.name == JSON.__name__ else count_one


def count_one(value: Any, size: InputSize) -> None:
    size.values += 1


def _measure_of_list(measure: Measure) -> Measure:
    def count_items(value: Any, size: InputSize) -> None:
        if not isinstance(value, list):
            measure(value, size)
            return
        size.values += 1
        if measure is count_one:
            size.values += len(value)
        else:
            for each in value:
                if size.is_enough:
                    return
                measure(each, size)

    return count_items


@cache
def _measure_of_object(type_: GraphQLInputObjectType) -> Measure:
    return _ObjectMeasure(type_)


class _ObjectMeasure:
    def __init__(self, type_: GraphQLInputObjectType) -> None:
        self._type = type_
        self._measures: dict[str, Measure] = {}

    def __call__(self, value: Any, size: InputSize) -> None:
        if not isinstance(value, dict):
            size.values += 1
            return
        size.objects += 1
        for name, each in value.items():
            measure = self._measures.get(name) or self._find(name)
            if measure is count_one:
                size.values += 1
            else:
                measure(each, size)

    def _find(self, name: str) -> Measure:
        # On first use only: the types of filters refer to each other.
        field = self._type.fields.get(name)
        if field is None:
            return count_one
        self._measures[name] = measure_of(field.type)
        return self._measures[name]


def _count_json(value: Any, size: InputSize) -> None:
    level = [value]
    while level:
        size.values += len(level)
        containers = [each for each in level if isinstance(each, dict | list)]
        level = []
        for each in containers:
            level += each.values() if isinstance(each, dict) else each
            if size.values + len(level) > LIMITS.input_values:
                size.values += len(level)
                return


@dataclass(frozen=True, slots=True)
class VariableSizes:
    """The sizes of an operation's variables; `measures` has those that may hold more than one value.

    Beside its measure each has its default.
    """

    reader: VariableReader
    measures: Mapping[str, tuple[Measure, Any]]

    @classmethod
    def of(
        cls, definitions: Iterable[VariableDefinitionNode], schema: GraphQLSchema
    ) -> "VariableSizes":
        reader, measures = VariableReader.of(definitions), {}
        for each in definitions:
            name, type_ = each.variable.name.value, type_from_ast(schema, each.type)
            measure = measure_of(cast(GraphQLInputType, type_))
            if measure is not count_one:
                measures[name] = measure, reader.defaults.get(name)
        return cls(reader, measures)

    def size(self, name: str, sent: SentVariables) -> InputSize:
        size = InputSize()
        measure, default = self.measures[name]
        measure(sent.get(name, default), size)
        return size
