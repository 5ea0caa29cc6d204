"""The cost of an operation in points, known before anything is read.

One point for each object that it may return: each with an id, each entry of `edges` (its node included),
each relation of a walk, each group, and each object of an introspection. A page counts the entries that it
may have, at least one; a union or an interface its most expensive type. One point also for each part of a
filter, which is an input object, each time that the filter is evaluated: once for each parent of its page.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_introspection_type,
)

from resolvers.policy import Policy
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
RELATION_EDGE = "RelationEdge"
# A connection leads to its source, its service and its installation.
MOST_RELATIONS = 3

POINTS_OF_A_LOOK = 50
"""For the rows that a search, a path or the statistics of the registry look at, whatever they find."""
LOOKS_FAR = ("text", "maxDepth")
STATISTICS = "RegistryStats"


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
        amount = _Calculation(self, variables, introspected).points(selection, None, 1)
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
            return sum_of([entries, _looked_at(definition), filter_objects(field, self.sizes)])
        if list_sizes.is_limited(definition):
            length = list_sizes.of_limited(node, definition, self.variables)
            return product(length, sum_of([1, self._most_expensive(selection, field, 1)]))
        looked_at = _looked_at(definition)
        if list_sizes.is_walk(definition):
            length = list_sizes.of_walk(node, definition, self.variables)
            found = self._most_expensive(selection, field, length)
            return sum_of([largest([length, found]), looked_at])
        own = list_sizes.of_list(node, definition, self.variables)
        if list_sizes.is_list(definition):
            length = size if own is None else own
            if own is None and RELATION_EDGE in field.selections:
                length = product(MOST_RELATIONS, size)
            return product(length, self._most_expensive(selection, field, 1))
        inner = self._most_expensive(selection, field, size if own is None else own)
        return sum_of([inner, looked_at])

    def _most_expensive(
        self, selection: ObjectSelection, field: ObjectField, size: Amount
    ) -> Amount:
        return largest(
            self.points(each, selection.type, size) for each in field.selections.values()
        )


def _looked_at(definition: GraphQLField) -> int:
    looks_far = any(name in definition.args for name in LOOKS_FAR)
    return POINTS_OF_A_LOOK * (looks_far or get_named_type(definition.type).name == STATISTICS)


def _own_points(type_: Any, parent: Any) -> int:
    if parent is not None and parent.fields.keys() >= EDGE:
        return 0  # counted with its edge
    is_object = ID in type_.fields or type_.fields.keys() >= EDGE or type_.name == RELATION_EDGE
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
                    points += list_sizes.is_limited(each.definition)
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
