"""The events of subscriptions, read by queries.

An event is what the subscription selects of a change. The changes of many events are read at once, by a query
for their ids with the same selection: so an event is what `node` would return, by the same plan.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    InlineFragmentNode,
    ListTypeNode,
    NamedTypeNode,
    NameNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_argument_values,
    get_named_type,
    get_variable_values,
    value_from_ast_untyped,
    visit,
)
from graphql.execution.values import VariableValues

from db.errors import BadRequest
from schema import filter_reader
from schema.built import GRAPHQL
from schema.compiled.arguments import argument_converters, convert_all
from schema.errors import MAX_ERRORS, RequestRefused, first_errors
from schema.execution.documents import Operation, PreparedDocument
from schema.execution.executor import OperationResult
from schema.execution.variables import NO_VARIABLES
from schema.fields.collect_fields import CollectedField, FieldCollector
from schema.filter_reader import ParsedFilter

NODES = "nodes"


@dataclass(frozen=True, slots=True)
class EventArguments:
    """What a client wants to hear of; `identity` is the same for all who want the same after any cursor."""

    after: str | None
    filter: ParsedFilter
    variables: Mapping[str, Any]
    identity: str


@dataclass(eq=False, slots=True)
class EventQuery:
    """The query for the events of one subscription; `ids` is the name of its variable."""

    document: PreparedDocument
    operation: Operation
    ids: str
    _subscription: Operation
    _field: CollectedField
    _used: frozenset[str]  # variables of the selection

    @classmethod
    def of(cls, document: PreparedDocument, subscription: Operation) -> "EventQuery":
        root: Any = GRAPHQL.subscription_type
        # A valid document has one field here, without @skip and @include.
        collector = FieldCollector(GRAPHQL, document.fragments, NO_VARIABLES)
        (field,) = collector.collect(root, [subscription.node])
        nodes: tuple[Any, ...] = field.nodes
        selected = [each for node in nodes for each in node.selection_set.selections]
        used = _variables_of(selected, document)
        ids = "ids"
        while ids in used:
            ids += "_"
        ast = _query(
            selected,
            used,
            ids,
            document,
            subscription,
            get_named_type(root.fields[field.name].type),
        )
        query = PreparedDocument.of(ast, hide_suggestions=document.hide_suggestions)
        return cls(query, query.operation(None), ids, subscription, field, frozenset(used))

    def arguments(self, sent: Mapping[str, Any]) -> EventArguments:
        """The arguments with these variables; raises RequestRefused."""
        definitions = self._subscription.node.variable_definitions or ()
        variables = get_variable_values(GRAPHQL, definitions, dict(sent), max_errors=MAX_ERRORS - 1)
        if not isinstance(variables, VariableValues):
            raise RequestRefused("BAD_VARIABLES", first_errors(variables))
        root: Any = GRAPHQL.subscription_type
        node = self._field.nodes[0]
        definition = root.fields[self._field.name]
        try:
            coerced = get_argument_values(definition, node, variables)
            given = convert_all(coerced, argument_converters(definition))
            parsed = filter_reader.read(given.get("filter"))
        except GraphQLError as error:
            raise RequestRefused("BAD_VALUE", [error]) from None
        except BadRequest as error:
            raise RequestRefused.because(error.code, str(error)) from None
        used = {name: sent[name] for name in sorted(self._used) if name in sent}
        untyped = {
            each.name.value: value_from_ast_untyped(each.value, dict(sent))
            for each in node.arguments or ()
            if each.name.value == "filter"
        }
        identity = json.dumps([untyped, used], sort_keys=True, default=str)
        after = given.get("after")
        return EventArguments(after if isinstance(after, str) else None, parsed, used, identity)

    def data(self, node: Any) -> dict[str, Any]:
        return {self._field.key: node}

    def errors_of(
        self, formatted: Sequence[dict[str, Any]], index: int
    ) -> Iterator[dict[str, Any]]:
        """The errors of one event of a result, with the paths that they have in it."""
        for error in formatted:
            path = list(error.get("path") or ())
            if path[1:2] in ([], [index]):
                yield {**error, "path": [self._field.key, *path[2:]]}


def nodes_of(result: OperationResult, count: int) -> list[Any]:
    """What was read of each change."""
    nodes: list[Any] = [None] * count if result.data is None else result.data[NODES]
    return nodes


def _query(
    selected: Sequence[Any],
    used: set[str],
    ids: str,
    document: PreparedDocument,
    subscription: Operation,
    type_: Any,
) -> DocumentNode:
    name = NameNode(value=ids)
    argument = ArgumentNode(name=NameNode(value="ids"), value=VariableNode(name=name))
    of_change = InlineFragmentNode(
        type_condition=NamedTypeNode(name=NameNode(value=type_.name)),
        directives=(),
        selection_set=SelectionSetNode(selections=tuple(selected)),
    )
    nodes = FieldNode(
        name=NameNode(value=NODES),
        alias=None,
        arguments=(argument,),
        directives=(),
        selection_set=SelectionSetNode(selections=(of_change,)),
    )
    id_type = NonNullTypeNode(type=NamedTypeNode(name=NameNode(value="ID")))
    definition = VariableDefinitionNode(
        variable=VariableNode(name=name),
        type=NonNullTypeNode(type=ListTypeNode(type=id_type)),
        default_value=None,
        directives=(),
    )
    kept = [
        each
        for each in subscription.node.variable_definitions or ()
        if each.variable.name.value in used
    ]
    query = OperationDefinitionNode(
        operation=OperationType.QUERY,
        name=subscription.node.name,
        variable_definitions=(*kept, definition),
        directives=(),
        selection_set=SelectionSetNode(selections=(nodes,)),
    )
    return DocumentNode(definitions=(query, *document.fragments.values()))


def _variables_of(selected: Sequence[Any], document: PreparedDocument) -> set[str]:
    """The variables that a selection uses, in fragments too."""
    finder = _Uses()
    waiting, seen = list(selected), set[str]()
    while waiting:
        visit(waiting.pop(), finder)
        for name in finder.spread - seen:
            seen.add(name)
            waiting.append(document.fragments[name].selection_set)
    return finder.variables


class _Uses(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.variables: set[str] = set()
        self.spread: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.variables.add(node.name.value)

    def enter_fragment_spread(self, node: Any, *_: Any) -> None:
        self.spread.add(node.name.value)
