"""What an operation costs: how many objects it may return, in points, before anything is read.

A point for each object of the registry, which is what implements Node, for each entry of `edges`
(its node with it), and for each object of an introspection. A page counts as many as it may hold, and
at least one; of a union or an interface the dearest type counts. What only holds values, such as a
mutation's errors, is free.
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
from schema.limits.list_sizes import Values
from schema.limits.selection_tree import ALWAYS, Branch, Shape, Shapes
from schema.limits.variable_amounts import Amount, Given, largest, provided, times, total, worth

NODE = "Node"
EDGE = frozenset({"cursor", "node"})


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one operation of a document."""

    amount: Amount = 0
    shape: Shape | None = None

    def requested(self, variables: Given) -> int:
        """What it may return at most with these variables, as they were sent; in points."""
        return worth(self.amount, variables)

    def actual(self, data: Any) -> int:
        """What an answer's `data`, as JSON has it, has returned; in points."""
        return 0 if self.shape is None or data is None else _returned(self.shape, data, None)


FREE = Cost()
"""Of an operation that is a part of one that was priced."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What costs depend on besides the operation; `most` is how far an introspection is followed."""

    schema: GraphQLSchema
    policy: Policy
    most: int

    def of(
        self, node: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> Cost:
        """The cost of a valid operation that is within the other limits."""
        root: Any = self.schema.get_root_type(node.operation)
        shape = Shapes(self.schema, fragments).of(root, [(node.selection_set, ALWAYS)])
        values = Values.of(node.variable_definitions or ())
        return Cost(_Pricing(self, values).object(shape, None, 1), shape)


@dataclass(frozen=True, slots=True)
class _Pricing:
    prices: Prices
    values: Values

    def object(self, shape: Shape, parent: GraphQLNamedType | None, size: Amount) -> Amount:
        """The points of one object; its lists have `size` entries, but for those that say otherwise."""
        branches = [self._branch(shape, branch, size) for branch in shape.branches]
        return total([_points(shape.type, parent), *branches])

    def _branch(self, shape: Shape, branch: Branch, size: Amount) -> Amount:
        if branch.name == "__schema" or branch.name == "__type":
            amount: Amount = introspection_cost.points(branch, self.prices.schema, self.prices.most)
        else:
            amount = self._field(shape, branch, size)
        conditions = [place.when for place in branch.places]
        if ALWAYS in conditions:
            return amount
        return provided(lambda given: self.values.hold(conditions, given), amount)

    def _field(self, shape: Shape, branch: Branch, size: Amount) -> Amount:
        node, definition = branch.places[0].node, branch.definition
        policy = self.prices.policy
        if list_sizes.is_page(definition):
            page = list_sizes.of_page(node, self.values, policy.page_default, policy.page_max)
            return largest([1, self._dearest(shape, branch, page)])
        own = list_sizes.of_list(node, definition, self.values)
        if list_sizes.is_list(definition):
            return times(size if own is None else own, self._dearest(shape, branch, 1))
        return self._dearest(shape, branch, size if own is None else own)

    def _dearest(self, shape: Shape, branch: Branch, size: Amount) -> Amount:
        return largest(self.object(each, shape.type, size) for each in branch.shapes.values())


def _points(type_: Any, parent: Any) -> int:
    if parent is not None and parent.fields.keys() >= EDGE:
        return 0  # the entry that holds it was counted
    is_object = any(each.name == NODE for each in type_.interfaces)
    return int(is_object or type_.fields.keys() >= EDGE or is_introspection_type(type_))


def _returned(shape: Shape, value: Mapping[str, Any], parent: Any) -> int:
    points = _points(shape.type, parent)
    for branch in shape.branches:
        found = value.get(branch.key)
        for each in found if isinstance(found, list) else [found]:
            if each is not None:
                points += _returned(_shape_of(branch, each), each, shape.type)
    return points


def _shape_of(branch: Branch, value: Mapping[str, Any]) -> Shape:
    """The shape that an object has: of several types that all fit, each counts the same."""
    return next(each for each in branch.shapes.values() if each.keys >= value.keys())
