"""What a field's selection asks for, looked up without walking a fragment twice."""

from collections.abc import Iterator, Mapping, Sequence

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, SelectionNode

Fragments = Mapping[str, FragmentDefinitionNode]


def selects(nodes: Sequence[FieldNode], fragments: Fragments, *path: str) -> bool:
    """Whether the fields select `path` somewhere below them.

    @skip and @include are not looked at: a field that may be asked for counts as asked for.
    """
    name, *rest = path
    for node in nodes:
        if node.selection_set is None:
            continue
        for field in _fields(node.selection_set.selections, fragments, set()):
            if field.name.value == name and (not rest or selects([field], fragments, *rest)):
                return True
    return False


def _fields(
    selections: Sequence[SelectionNode], fragments: Fragments, seen: set[str]
) -> Iterator[FieldNode]:
    for selection in selections:
        if isinstance(selection, FieldNode):
            yield selection
            continue
        if isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            if name in seen:
                continue
            seen.add(name)
            inner = fragments[name].selection_set
        else:
            inner = selection.selection_set  # type: ignore[attr-defined]
        yield from _fields(inner.selections, fragments, seen)
