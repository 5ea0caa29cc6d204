"""The size of a document with its fragments expanded, measured before it is validated.

Each fragment is measured once: a few hundred bytes of nested fragments can expand to millions of fields.
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

# The tokens of GraphQL's appendix B; comments and numbers are the groups. The pattern never backtracks, so
# that matching takes linear time.
_COMMENT, _NUMBER = 1, 2
_TOKEN = re.compile(
    r'(#[^\n\r]*+)|"""(?:[^"\\]|\\"""|\\|"(?!""))*+(?:""")?|"(?:[^"\\\n\r]|\\.)*+"?'
    r"|[_A-Za-z]\w*+|-?([0-9][0-9.eE+-]*+)|\.\.\.|[!$&():=@\[\]{|}]",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Size:
    """`root_fields` counts the first level, the others all levels."""

    depth: int = 0
    root_fields: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0


@dataclass(slots=True)
class _Meter:
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
            # Unknown fragments and cycles count 0 here; validation refuses them by name.
            self.measured[name] = Size()
            if name in self.fragments:
                definition = self.fragments[name]
                inner = self.selection_set(definition.selection_set)
                own = inner.directives + len(definition.directives or ())
                self.measured[name] = replace(inner, directives=own)
        return self.measured[name]


def tokens(text: str) -> int:
    """How many tokens a document has; comments and invalid characters are none."""
    return sum(token.lastindex != _COMMENT for token in _TOKEN.finditer(text))


def longest_number(text: str) -> int:
    numbers = (token[_NUMBER] for token in _TOKEN.finditer(text))
    return max((len(number) for number in numbers if number), default=0)


def excess(document: DocumentNode, allowed: Limits) -> Excess | None:
    meter = _Meter(
        {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
    )
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            size = meter.selection_set(definition.selection_set)
            exceeded = limits.first_excess(
                allowed,
                depth=size.depth,
                root_fields=size.root_fields,
                aliases=size.aliases,
                directives=size.directives + _outer_directives(definition),
                fields=size.fields,
            )
            if exceeded:
                return exceeded
    return None


def _outer_directives(operation: OperationDefinitionNode) -> int:
    of_variables = (each.directives or () for each in operation.variable_definitions or ())
    return len(operation.directives or ()) + sum(map(len, of_variables))
