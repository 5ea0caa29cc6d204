"""Makes an operation that fails as small as it can be while it still fails."""

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSyntaxError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    print_ast,
    validate,
    visit,
)
from graphql.language import FragmentSpreadNode

from schema.limits import document_size
from schema.limits.limits import LIMITS
from tests.support.corpus.operations import GRAPHQL, Operation

MOST_TRIES = 600
Fails = Callable[[Operation], Awaitable[bool]]


async def smallest(operation: Operation, fails: Fails) -> Operation:
    """A small operation that still fails, made from one that does."""
    tries = 0
    shrinking = True
    while shrinking:
        shrinking = False
        for candidate in _smaller(operation):
            tries += 1
            if tries > MOST_TRIES:
                return operation
            if await fails(candidate):
                operation, shrinking = candidate, True
                break
    return operation


def _smaller(operation: Operation) -> Iterator[Operation]:
    """Valid operations with one thing less each, the greatest things first."""
    if operation.by_get:
        yield replace(operation, by_get=False)
    document = parse(operation.document, no_location=True)
    for candidate in _without(document, _fragments(document)):
        tidied = _tidied(candidate, operation)
        if tidied is not None and len(str(tidied)) < len(str(operation)):
            yield tidied
    for name, value in operation.variables.items():
        for less in _less(value):
            yield replace(operation, variables={**operation.variables, name: less})


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }


def _without(node: Any, fragments: dict[str, FragmentDefinitionNode]) -> Iterator[Any]:
    """The node with one of its parts left out, or with something left out of one of them."""
    if isinstance(node, FragmentSpreadNode):
        definition = fragments[node.name.value]
        yield InlineFragmentNode(
            type_condition=definition.type_condition,
            directives=node.directives,
            selection_set=definition.selection_set,
        )
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, tuple | list):
            items = tuple(value)
            for n in range(len(items)):
                yield replace(node, **{each.name: items[:n] + items[n + 1 :]})
            for n, item in enumerate(items):
                for less in _without(item, fragments):
                    yield replace(node, **{each.name: (*items[:n], less, *items[n + 1 :])})
        elif isinstance(value, Node):
            if each.name in ("alias", "default_value"):
                yield replace(node, **{each.name: None})
            for less in _without(value, fragments):
                yield replace(node, **{each.name: less})


def _less(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield {other: value[other] for other in value if other != name}
            for less in _less(item):
                yield {**value, name: less}
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield value[:n] + value[n + 1 :]
            for less in _less(item):
                yield [*value[:n], less, *value[n + 1 :]]


class _Names(Visitor):
    """Which variables and fragments are named, apart from where they are declared."""

    def __init__(self) -> None:
        super().__init__()
        self.variables: set[str] = set()
        self.fragments: set[str] = set()

    def enter_variable_definition(self, *_: Any) -> Any:
        return self.SKIP

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.variables.add(node.name.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.fragments.add(node.name.value)


def _tidied(document: DocumentNode, operation: Operation) -> Operation | None:
    """The operation of a document without what nothing in it names; None where that is not valid."""
    names = _Names()
    visit(document, names)
    kept = [
        definition
        for definition in document.definitions
        if not isinstance(definition, FragmentDefinitionNode)
        or definition.name.value in names.fragments
    ]
    tidied = [
        replace(
            definition,
            variable_definitions=tuple(
                each
                for each in definition.variable_definitions or ()
                if each.variable.name.value in names.variables
            ),
        )
        if isinstance(definition, OperationDefinitionNode)
        else definition
        for definition in kept
    ]
    try:
        text = print_ast(DocumentNode(definitions=tuple(tidied)))
        reread = parse(text)
        if document_size.excess(reread, LIMITS) or validate(GRAPHQL, reread):
            return None
    except (GraphQLSyntaxError, GraphQLError, TypeError):
        return None
    variables = {
        name: item for name, item in operation.variables.items() if name in names.variables
    }
    return replace(operation, document=text, variables=json.loads(json.dumps(variables)))
