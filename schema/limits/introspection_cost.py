"""The cost of an introspection, counted on the schema: lists of types within lists of fields multiply."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from graphql import GraphQLSchema

from schema.limits.list_sizes import is_list
from schema.limits.selection_tree import ObjectField, ObjectSelection


def points(selected: ObjectField, schema: GraphQLSchema, limit: int) -> int:
    """How many objects a `__schema` field has, or a `__type` field for any type; stops at `limit` + 1."""
    (selection,) = selected.selections.values()
    roots = [schema] if selected.name == "__schema" else schema.type_map.values()
    counter = _Counter(SimpleNamespace(schema=schema), limit)
    try:
        return max(counter.objects(selection, root) for root in roots)
    except _TooMany:
        return limit + 1


class _TooMany(Exception):
    """Raised when there are more objects than are to be counted."""


@dataclass(slots=True)
class _Counter:
    info: Any
    left: int
    known: dict[tuple[int, int], int] = field(default_factory=dict)

    def objects(self, selection: ObjectSelection, value: Any) -> int:
        # Types live as long as the schema; fields and arguments are new tuples each time.
        key = None if isinstance(value, tuple) else (id(selection), id(value))
        if key in self.known:
            return self.known[key]
        self.left -= 1
        if self.left < 0:
            raise _TooMany
        count = 1 + sum(self._below(each, value) for each in selection.fields)
        if key is not None:
            self.known[key] = count
        return count

    def _below(self, selected: ObjectField, value: Any) -> int:
        definition = selected.definition
        deprecated = {"includeDeprecated": True} if definition.args else {}
        resolved = definition.resolve(value, self.info, **deprecated)  # type: ignore[misc]
        (selection,) = selected.selections.values()
        if resolved is None:
            return 0
        values = resolved if is_list(definition) else [resolved]
        return sum(self.objects(selection, each) for each in values)
