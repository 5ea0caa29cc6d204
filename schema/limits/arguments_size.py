"""How much the arguments of an operation hold together.

Each field converts its arguments: a variable that twenty fields use takes twenty times its work.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    ArgumentNode,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    value_from_ast_untyped,
)

from schema.limits import limits
from schema.limits.input_size import InputSize, VariableSizes, measure_of
from schema.limits.limits import Excess, Limits
from schema.limits.selection_tree import ObjectField, ObjectSelection
from schema.limits.variable_amounts import Amount, SentVariables, sum_of

FILTER = "filter"


@dataclass(frozen=True, slots=True)
class ArgumentsSize:
    """`literals` is what the document holds; `uses` how often arguments name each variable.

    A variable that no argument uses counts once, as it is coerced all the same.
    """

    literals: InputSize
    uses: Mapping[str, int]
    variables: VariableSizes

    @classmethod
    def of(cls, selection: ObjectSelection, variables: VariableSizes) -> "ArgumentsSize":
        literals, uses = InputSize(), Counter[str]()
        for field in _fields(selection):
            for argument in field.occurrences[0].node.arguments or ():
                _add_literal(field, argument, literals)
                uses.update(_variables(argument.value))
        used = {name: max(1, uses[name]) for name in variables.measures}
        return cls(literals, used, variables)

    def excess(self, sent: SentVariables, allowed: Limits) -> Excess | None:
        objects, values = self.literals.objects, self.literals.values
        for name, times in self.uses.items():
            (measure, default), size = self.variables.measures[name], InputSize()
            measure(sent.get(name, default), size)
            objects += times * size.objects
            values += times * size.values
        if objects <= allowed.input_objects and values <= allowed.input_values:
            return None
        return limits.first_excess(allowed, input_objects=objects, input_values=values)


def filter_objects(field: ObjectField, variables: VariableSizes) -> Amount:
    """The input objects in a field's filter."""
    for argument in field.occurrences[0].node.arguments or ():
        if argument.name.value == FILTER:
            literal = InputSize()
            _add_literal(field, argument, literal)
            names = [name for name in _variables(argument.value) if name in variables.measures]
            return sum_of([literal.objects, *[_objects_of(name, variables) for name in names]])
    return 0


def _objects_of(name: str, variables: VariableSizes) -> Amount:
    return lambda sent: variables.size(name, sent).objects


def _add_literal(field: ObjectField, argument: ArgumentNode, size: InputSize) -> None:
    measure = measure_of(field.definition.args[argument.name.value].type)
    measure(value_from_ast_untyped(argument.value), size)


def _fields(selection: ObjectSelection) -> Iterator[ObjectField]:
    for field in selection.fields:
        yield field
        for inner in field.selections.values():
            yield from _fields(inner)


def _variables(value: ValueNode | Any) -> Iterator[str]:
    """The variables in a literal, each as often as it is there."""
    match value:
        case VariableNode():
            yield value.name.value
        case ListValueNode():
            for each in value.values:
                yield from _variables(each)
        case ObjectValueNode():
            for field in value.fields:
                yield from _variables(field.value)
