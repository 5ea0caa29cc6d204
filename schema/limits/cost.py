"""The cost of an operation: how many objects it may return, in points, known before anything is read.

One point for each Node, each entry of `edges` (its node included), and each object of an introspection. A
page counts the entries that it may have, at least one; a union or an interface its most expensive type.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLNamedType,
    GraphQLSchema,
    OperationDefinitionNode,
    is_introspection_type,
)

from resolvers.policy import Policy
from schema.limits import introspection_cost, list_sizes
from schema.limits.list_sizes import VariableReader
from schema.limits.selection_tree import (
    ALWAYS,
    ObjectField,
    ObjectSelection,
    SelectionTreeBuilder,
)
from schema.limits.variable_amounts import (
    Amount,
    SentVariables,
    conditional,
    largest,
    product,
    sum_of,
)

NODE = "Node"
EDGE = frozenset({"cursor", "node"})


@dataclass(frozen=True, slots=True)
class Cost:
    amount: Amount = 0
    selection: ObjectSelection | None = None

    def requested(self, variables: SentVariables) -> int:
        return self.amount if isinstance(self.amount, int) else self.amount(variables)

    def actual(self, data: Any) -> int:
        return 0 if self.selection is None or data is None else _actual(self.selection, data, None)


FREE = Cost()
"""The cost of an operation that is part of another one, which was counted as a whole."""


@dataclass(frozen=True, slots=True)
class CostCalculator:
    """`limit` is how far the objects of an introspection are counted."""

    schema: GraphQLSchema
    policy: Policy
    limit: int

    def cost_of(
        self, node: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> Cost:
        root: Any = self.schema.get_root_type(node.operation)
        builder = SelectionTreeBuilder(self.schema, fragments)
        selection = builder.build(root, [(node.selection_set, ALWAYS)])
        variables = VariableReader.of(node.variable_definitions or ())
        return Cost(_Calculation(self, variables).points(selection, None, 1), selection)


@dataclass(frozen=True, slots=True)
class _Calculation:
    calculator: CostCalculator
    variables: VariableReader

    def points(
        self, selection: ObjectSelection, parent: GraphQLNamedType | None, size: Amount
    ) -> Amount:
        """The points of one object; `size` is for its lists that have no size of their own."""
        fields = [self._conditional_field(selection, each, size) for each in selection.fields]
        return sum_of([_own_points(selection.type, parent), *fields])

    def _conditional_field(
        self, selection: ObjectSelection, field: ObjectField, size: Amount
    ) -> Amount:
        if field.name == "__schema" or field.name == "__type":
            calculator = self.calculator
            amount: Amount = introspection_cost.points(field, calculator.schema, calculator.limit)
        else:
            amount = self._field(selection, field, size)
        conditions = [occurrence.when for occurrence in field.occurrences]
        if ALWAYS in conditions:
            return amount
        return conditional(lambda sent: self.variables.any_holds(conditions, sent), amount)

    def _field(self, selection: ObjectSelection, field: ObjectField, size: Amount) -> Amount:
        node, definition = field.occurrences[0].node, field.definition
        policy = self.calculator.policy
        if list_sizes.is_page(definition):
            page = list_sizes.of_page(node, self.variables, policy.page_default, policy.page_max)
            return largest([1, self._most_expensive(selection, field, page)])
        own = list_sizes.of_list(node, definition, self.variables)
        if list_sizes.is_list(definition):
            length = size if own is None else own
            return product(length, self._most_expensive(selection, field, 1))
        return self._most_expensive(selection, field, size if own is None else own)

    def _most_expensive(
        self, selection: ObjectSelection, field: ObjectField, size: Amount
    ) -> Amount:
        return largest(
            self.points(each, selection.type, size) for each in field.selections.values()
        )


def _own_points(type_: Any, parent: Any) -> int:
    if parent is not None and parent.fields.keys() >= EDGE:
        return 0  # counted with its edge
    is_object = any(each.name == NODE for each in type_.interfaces)
    return int(is_object or type_.fields.keys() >= EDGE or is_introspection_type(type_))


def _actual(selection: ObjectSelection, value: Mapping[str, Any], parent: Any) -> int:
    points = _own_points(selection.type, parent)
    for field in selection.fields:
        inner = value.get(field.key)
        for each in inner if isinstance(inner, list) else [inner]:
            if each is not None:
                points += _actual(_selection_of(field, each), each, selection.type)
    return points


def _selection_of(field: ObjectField, value: Mapping[str, Any]) -> ObjectSelection:
    """The selection that made an object; if several types fit, they count the same."""
    return next(each for each in field.selections.values() if each.keys >= value.keys())
