"""The cost of an operation in points, known before anything is read.

One point for each object that it may return: each with an id, each entry of `edges` (its node included), and
each object of an introspection. A page counts the entries that it may have, at least one; a union or an
interface its most expensive type. One point also for each part of a filter, which is an input object, each
time that the filter is evaluated: once for each parent of its page. What else a field costs is declared with
it: see `schema.fields.costs`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLNamedType,
    GraphQLSchema,
    OperationDefinitionNode,
    is_introspection_type,
)

from resolvers.policy import Policy
from schema.fields import costs
from schema.limits import introspection_cost, list_sizes
from schema.limits.arguments_size import ArgumentsSize, filter_objects
from schema.limits.input_size import VariableSizes
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
    evaluate,
    largest,
    product,
    sum_of,
)

ID = "id"
EDGE = frozenset({"cursor", "node"})


@dataclass(frozen=True, slots=True)
class Cost:
    amount: Amount
    selection: ObjectSelection
    variables: VariableSizes
    inputs: ArgumentsSize
    introspected: int

    def actual(self, data: Any, sent: SentVariables) -> int:
        if data is None:
            return 0
        return _ActualCost(self.variables, sent).points(self.selection, data, None)


@dataclass(frozen=True, slots=True)
class CostCalculator:
    """`limit` is how far the objects of one introspection are counted."""

    schema: GraphQLSchema
    policy: Policy
    limit: int

    def cost_of(
        self, node: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> Cost:
        root: Any = self.schema.get_root_type(node.operation)
        builder = SelectionTreeBuilder(self.schema, fragments)
        selection = builder.build(root, [(node.selection_set, ALWAYS)])
        variables = VariableSizes.of(node.variable_definitions or (), self.schema)
        inputs = ArgumentsSize.of(selection, variables)
        introspected: list[int] = []
        calculation = _Calculation(self, variables, introspected)
        amount = sum_of([calculation.points(selection, None, 1), calculation.reads(selection)])
        return Cost(amount, selection, variables, inputs, sum(introspected))


@dataclass(frozen=True, slots=True)
class _Calculation:
    calculator: CostCalculator
    sizes: VariableSizes
    introspected: list[int]

    @property
    def variables(self) -> VariableReader:
        return self.sizes.reader

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
            points = introspection_cost.points(field, calculator.schema, calculator.limit)
            self.introspected.append(points)
            amount: Amount = points
        else:
            amount = self._field(selection, field, size)
        return self._if_included(field, amount)

    def reads(self, selection: ObjectSelection) -> Amount:
        """The points for the rows that fields look at, each of which reads once for all parents."""
        amounts = []
        for each in selection.fields:
            inner = map(self.reads, each.selections.values())
            amount = sum_of([costs.of_field(each.definition).reads, *inner])
            amounts.append(self._if_included(each, amount))
        return sum_of(amounts)

    def _if_included(self, field: ObjectField, amount: Amount) -> Amount:
        conditions = [occurrence.when for occurrence in field.occurrences]
        if ALWAYS in conditions:
            return amount
        return conditional(lambda sent: self.variables.any_holds(conditions, sent), amount)

    def _field(self, selection: ObjectSelection, field: ObjectField, size: Amount) -> Amount:
        node, definition = field.occurrences[0].node, field.definition
        policy = self.calculator.policy
        if list_sizes.is_page(definition):
            page = list_sizes.of_page(node, self.variables, policy.page_default, policy.page_max)
            entries = largest([1, self._most_expensive(selection, field, page)])
            return sum_of([entries, filter_objects(field, self.sizes)])
        cost = costs.of_field(definition)
        at_least: Amount = 0
        own = list_sizes.of_list(node, definition, self.variables)
        if cost.size is not None:
            own = at_least = list_sizes.of_argument(node, definition, cost.size, self.variables)
        if list_sizes.is_list(definition):
            length = product(cost.times, size) if own is None else own
            return product(length, sum_of([cost.each, self._most_expensive(selection, field, 1)]))
        return largest(
            [at_least, self._most_expensive(selection, field, size if own is None else own)]
        )

    def _most_expensive(
        self, selection: ObjectSelection, field: ObjectField, size: Amount
    ) -> Amount:
        return largest(
            self.points(each, selection.type, size) for each in field.selections.values()
        )


def _own_points(type_: Any, parent: Any) -> int:
    if parent is not None and parent.fields.keys() >= EDGE:
        return 0  # counted with its edge
    is_object = ID in type_.fields or type_.fields.keys() >= EDGE
    return int(is_object or is_introspection_type(type_))


@dataclass(eq=False, slots=True)
class _ActualCost:
    """Counts the objects that came back, and the parts of the filters that were evaluated for them."""

    variables: VariableSizes
    sent: SentVariables
    filters: dict[int, int] = field(default_factory=dict)

    def points(self, selection: ObjectSelection, value: Mapping[str, Any], parent: Any) -> int:
        points = _own_points(selection.type, parent)
        for each in selection.fields:
            if each.key not in value:
                continue
            points += self._filter_objects(each)
            inner = value[each.key]
            for item in inner if isinstance(inner, list) else [inner]:
                if item is not None:
                    points += costs.of_field(each.definition).each
                    points += self.points(_selection_of(each, item), item, selection.type)
        return points

    def _filter_objects(self, field: ObjectField) -> int:
        if id(field) not in self.filters:  # fields live as long as the selection
            amount = filter_objects(field, self.variables)
            self.filters[id(field)] = evaluate(amount, self.sent)
        return self.filters[id(field)]


def _selection_of(field: ObjectField, value: Mapping[str, Any]) -> ObjectSelection:
    """The selection that made an object; if several types fit, they count the same."""
    return next(each for each in field.selections.values() if each.keys >= value.keys())
