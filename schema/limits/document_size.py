"""The size of a document with its fragments expanded, measured before it is validated.

Each fragment is measured once: a few hundred bytes of nested fragments can expand to millions of fields.
Aliases and directives count where they are written, however often their fragment is spread.
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
    """The size of a selection set with its fragments expanded; `root_fields` counts the first level only.

    `aliases` and `directives` are those that are written here: the fragments in `spread` have their own.
    """

    depth: int = 0
    root_fields: int = 0
    fields: int = 0
    expanded_directives: int = 0
    expanded_fragments: int = 0
    aliases: int = 0
    directives: int = 0
    spread: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Meter:
    fragments: dict[str, FragmentDefinitionNode]
    measured: dict[str, Size] = field(default_factory=dict)

    def selection_set(self, node: SelectionSetNode | None) -> Size:
        depth = root_fields = fields = expanded = fragments = aliases = directives = 0
        spread: set[str] = set()
        for selection in node.selections if node else ():
            inner, own = self.selection(selection), len(selection.directives or ())
            depth = max(depth, inner.depth)
            root_fields += inner.root_fields
            fields += inner.fields
            expanded += inner.expanded_directives + own
            fragments += inner.expanded_fragments
            aliases += inner.aliases
            directives += inner.directives + own
            spread |= inner.spread
        return Size(
            depth, root_fields, fields, expanded, fragments, aliases, directives, frozenset(spread)
        )

    def selection(self, node: SelectionNode) -> Size:
        if isinstance(node, FieldNode):
            inner = self.selection_set(node.selection_set)
            return replace(
                inner,
                depth=inner.depth + 1,
                root_fields=1,
                fields=inner.fields + 1,
                aliases=inner.aliases + (node.alias is not None),
            )
        if isinstance(node, InlineFragmentNode):
            inner = self.selection_set(node.selection_set)
            return replace(inner, expanded_fragments=inner.expanded_fragments + 1)
        assert isinstance(node, FragmentSpreadNode)  # noqa: S101 - there is no other kind
        name = node.name.value
        inner = self.fragment(name)
        return replace(
            inner,
            expanded_fragments=inner.expanded_fragments + 1,
            aliases=0,
            directives=0,
            spread=frozenset({name}),
        )

    def fragment(self, name: str) -> Size:
        if name not in self.measured:
            # Unknown fragments and cycles count 0 here; validation refuses them by name.
            self.measured[name] = Size()
            if name in self.fragments:
                definition = self.fragments[name]
                inner = self.selection_set(definition.selection_set)
                own = len(definition.directives or ())
                self.measured[name] = replace(
                    inner,
                    directives=inner.directives + own,
                    expanded_directives=inner.expanded_directives + own,
                )
        return self.measured[name]

    def written(self, size: Size) -> tuple[int, int]:
        """The aliases and directives written in a selection set and in each fragment that it uses."""
        aliases, directives = size.aliases, size.directives
        reached, waiting = set(size.spread), list(size.spread)
        while waiting:
            inner = self.measured[waiting.pop()]
            aliases += inner.aliases
            directives += inner.directives
            waiting += inner.spread - reached
            reached |= inner.spread
        return aliases, directives


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
            outer = _outer_directives(definition)
            aliases, directives = meter.written(size)
            exceeded = limits.first_excess(
                allowed,
                depth=size.depth,
                root_fields=size.root_fields,
                aliases=aliases,
                directives=directives + outer,
                expanded_directives=size.expanded_directives + outer,
                expanded_fragments=size.expanded_fragments,
                fields=size.fields,
            )
            if exceeded:
                return exceeded
    return None


def _outer_directives(operation: OperationDefinitionNode) -> int:
    of_variables = (each.directives or () for each in operation.variable_definitions or ())
    return len(operation.directives or ()) + sum(map(len, of_variables))
