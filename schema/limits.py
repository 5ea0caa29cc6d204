"""How large a document may be, measured with its fragments expanded, before it is validated.

Each fragment is measured once, however often it is spread: a few hundred bytes of nested fragments
can stand for millions of fields, and a measure that walked them would be the attack.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

MAX_TOKENS = 1_000
MAX_DEPTH = 20
MAX_FIELDS = 2_000


@dataclass(frozen=True, slots=True)
class Measure:
    """How deep a selection nests and how many fields it has, fragments expanded."""

    depth: int = 0
    fields: int = 0


@dataclass(slots=True)
class _Ruler:
    fragments: dict[str, FragmentDefinitionNode]
    measured: dict[str, Measure] = field(default_factory=dict)

    def selection(self, selection_set: SelectionSetNode | None) -> Measure:
        selections: Sequence[SelectionNode] = selection_set.selections if selection_set else ()
        depth = count = 0
        for selection in selections:
            if isinstance(selection, FieldNode):
                inner = self.selection(selection.selection_set)
                inner = Measure(inner.depth + 1, inner.fields + 1)
            elif isinstance(selection, FragmentSpreadNode):
                inner = self.fragment(selection.name.value)
            else:
                inner = self.selection(selection.selection_set)  # type: ignore[attr-defined]
            depth, count = max(depth, inner.depth), count + inner.fields
        return Measure(depth, count)

    def fragment(self, name: str) -> Measure:
        if name not in self.measured:
            # Unknown fragments and cycles measure nothing here; validation refuses them by name.
            self.measured[name] = Measure()
            if name in self.fragments:
                self.measured[name] = self.selection(self.fragments[name].selection_set)
        return self.measured[name]


def excess(document: DocumentNode) -> str | None:
    """What is too large about a document, with the measured and the allowed figure; else None."""
    ruler = _Ruler(
        {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
    )
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            found = ruler.selection(definition.selection_set)
            if found.depth > MAX_DEPTH:
                return f"the operation nests {found.depth} deep; {MAX_DEPTH} is allowed"
            if found.fields > MAX_FIELDS:
                return f"the operation selects {found.fields} fields; {MAX_FIELDS} are allowed"
    return None
