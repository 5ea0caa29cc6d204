"""What an introspection answers, counted on the schema itself before it is carried out.

Lists of types within lists of fields make a few lines ask for millions of objects.
"""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from graphql import GraphQLSchema

from schema.limits.list_sizes import is_list
from schema.limits.selection_tree import Branch, Shape


def points(branch: Branch, schema: GraphQLSchema, most: int) -> int:
    """How many objects a `__schema`, or the dearest `__type`, of this selection has.

    `most` is what may be counted; where that does not suffice it is one more.
    """
    (shape,) = branch.shapes.values()
    roots = [schema] if branch.name == "__schema" else schema.type_map.values()
    counting = _Counting(SimpleNamespace(schema=schema), most)
    try:
        return max(counting.objects(shape, root) for root in roots)
    except _Enough:
        return most + 1


class _Enough(Exception):
    """Raised when more was counted than may be."""


@dataclass(slots=True)
class _Counting:
    info: Any
    left: int
    known: dict[tuple[int, int], int] = field(default_factory=dict)

    def objects(self, shape: Shape, value: Any) -> int:
        """One object, with all that are selected below it; raises _Enough."""
        # Types live as long as the schema does; fields and arguments come in pairs made anew.
        key = None if isinstance(value, tuple) else (id(shape), id(value))
        if key in self.known:
            return self.known[key]
        self.left -= 1
        if self.left < 0:
            raise _Enough
        found = 1 + sum(self._below(branch, value) for branch in shape.branches)
        if key is not None:
            self.known[key] = found
        return found

    def _below(self, branch: Branch, value: Any) -> int:
        definition = branch.definition
        deprecated = {"includeDeprecated": True} if definition.args else {}
        found = definition.resolve(value, self.info, **deprecated)  # type: ignore[misc]
        (shape,) = branch.shapes.values()
        if found is None:
            return 0
        each = found if is_list(definition) else [found]
        return sum(self.objects(shape, one) for one in each)
