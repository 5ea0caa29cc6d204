"""What fields cost besides the objects that they return, declared where each field is."""

from dataclasses import dataclass
from typing import TypeAlias

from graphql import GraphQLField

from schema.fields.sources import DEFINITION

COST = "cost"
"""The metadata of a field that has a FieldCost."""

WHOLE_TABLE = 5_000
"""The `reads` of a field that may read each row of a table, or go through as many objects."""
CANDIDATES = 1_000
"""The `reads` of a field that looks at a bounded number of rows of each table."""

Size: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class FieldCost:
    """`reads` are points for the rows that it looks at: once, however many parents it has, as one statement
    reads for all of them.

    `size` names the argument, and the most that it may be, that says how many entries a list has, or the
    lists of an object. Each entry costs `each` points besides its objects. A list without a size has
    `times` as many entries as the size of the object that it belongs to says.
    """

    reads: int = 0
    size: Size | None = None
    each: int = 0
    times: int = 1


_ORDINARY = FieldCost()


def of_field(definition: GraphQLField) -> FieldCost:
    field = definition.extensions.get(DEFINITION)  # the fields of an introspection have none
    return _ORDINARY if field is None else field.metadata.get(COST, _ORDINARY)
