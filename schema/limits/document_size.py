"""How large a document is with its fragments expanded, measured before it is validated.

Each fragment is measured once, however often it is spread: a few hundred bytes of nested fragments
can stand for millions of fields, and a measure that walked them would be the attack.
"""

import re
from dataclasses import dataclass, field, replace

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from schema.limits import limits
from schema.limits.limits import Excess, Limits

# The tokens of GraphQL's appendix B, comments and numbers as the groups. Nothing is ever tried in a second
# way, so that the time it takes grows with the text alone.
_COMMENT, _NUMBER = 1, 2
_TOKEN = re.compile(
    r'(#[^\n\r]*+)|"""(?:[^"\\]|\\"""|\\|"(?!""))*+(?:""")?|"(?:[^"\\\n\r]|\\.)*+"?'
    r"|[_A-Za-z]\w*+|-?([0-9][0-9.eE+-]*+)|\.\.\.|[!$&():=@\[\]{|}]",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Size:
    """What a selection has in it, but for `root_fields`, which lie on its first level."""

    depth: int = 0
    root_fields: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0


@dataclass(slots=True)
class _Ruler:
    fragments: dict[str, FragmentDefinitionNode]
    measured: dict[str, Size] = field(default_factory=dict)

    def selection_set(self, node: SelectionSetNode | None) -> Size:
        depth = root_fields = fields = aliases = directives = 0
        for selection in node.selections if node else ():
            inner = self.selection(selection)
            depth = max(depth, inner.depth)
            root_fields += inner.root_fields
            fields += inner.fields
            aliases += inner.aliases
            directives += inner.directives + len(selection.directives or ())
        return Size(depth, root_fields, fields, aliases, directives)

    def selection(self, node: SelectionNode) -> Size:
        if isinstance(node, FieldNode):
            inner = self.selection_set(node.selection_set)
            aliases = inner.aliases + (node.alias is not None)
            return Size(inner.depth + 1, 1, inner.fields + 1, aliases, inner.directives)
        if isinstance(node, InlineFragmentNode):
            return self.selection_set(node.selection_set)
        assert isinstance(node, FragmentSpreadNode)  # noqa: S101 - there is no other kind
        return self.fragment(node.name.value)

    def fragment(self, name: str) -> Size:
        if name not in self.measured:
            # Unknown fragments and cycles measure nothing here; validation refuses them by name.
            self.measured[name] = Size()
            if name in self.fragments:
                definition = self.fragments[name]
                inner = self.selection_set(definition.selection_set)
                own = inner.directives + len(definition.directives or ())
                self.measured[name] = replace(inner, directives=own)
        return self.measured[name]


def tokens(text: str) -> int:
    """How many tokens a document has, comments and what is no token left out."""
    return sum(found.lastindex != _COMMENT for found in _TOKEN.finditer(text))


def longest_number(text: str) -> int:
    """How many digits the longest number of a document has."""
    found = (token[_NUMBER] for token in _TOKEN.finditer(text))
    return max((len(number) for number in found if number), default=0)


def excess(document: DocumentNode, allowed: Limits) -> Excess | None:
    """By what a document's first operation that is too large is too large; None if all fit."""
    ruler = _Ruler(
        {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
    )
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            size = ruler.selection_set(definition.selection_set)
            found = limits.exceeded(
                allowed,
                depth=size.depth,
                root_fields=size.root_fields,
                aliases=size.aliases,
                directives=size.directives + _on_top(definition),
                fields=size.fields,
            )
            if found:
                return found
    return None


def _on_top(operation: OperationDefinitionNode) -> int:
    """How many directives an operation and its variables have."""
    of_variables = (each.directives or () for each in operation.variable_definitions or ())
    return len(operation.directives or ()) + sum(map(len, of_variables))
