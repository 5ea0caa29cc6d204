"""From a document to a result: prepared once, carried out as often as it comes.

Preparing is parsing, measuring and validating; it costs more than half of a small request, so that
documents which passed are kept by their text, the most recently used ones.
"""

import inspect
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    execute,
    parse,
    specified_rules,
    validate,
)

from resolvers.scope import Scope
from schema import limits
from schema.errors import RequestRefused
from schema.served import SCHEMA

DOCUMENTS_KEPT = 500
MAX_VALIDATION_ERRORS = 20
_GRAPHQL = (
    SCHEMA._schema
)  # graphql-core's schema underneath: Strawberry offers no public name for it


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that may be carried out, and its operations by name."""

    document: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation of this name, or the only one.

        Raises RequestRefused when it is not there, or when it is not clear which one is meant.
        """
        if name is not None:
            if name not in self.operations:
                raise RequestRefused.because(
                    "UNKNOWN_OPERATION", f"the document has no operation named {name!r}"
                )
            return self.operations[name]
        if len(self.operations) != 1:
            raise RequestRefused.because(
                "AMBIGUOUS_OPERATION",
                f"the document has {len(self.operations)} operations: name one in operationName",
            )
        (only,) = self.operations.values()
        return only

    def is_query(self, name: str | None) -> bool:
        """Whether the operation only reads; raises RequestRefused like `operation`."""
        return self.operation(name).operation is OperationType.QUERY


class Documents:
    """Prepares documents, and keeps the ones that passed."""

    def __init__(self, *, introspection: bool) -> None:
        self._rules = list(specified_rules)
        if not introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[str, Prepared] = OrderedDict()

    def prepare(self, text: str) -> Prepared:
        """Parse, measure and validate a document; raises RequestRefused with what is wrong with it."""
        if text in self._kept:
            self._kept.move_to_end(text)
            return self._kept[text]
        try:
            prepared = self._prepare(text)
        except RecursionError:
            raise RequestRefused.because(
                "TOO_LARGE", "the document nests too deep to be read"
            ) from None
        self._kept[text] = prepared
        if len(self._kept) > DOCUMENTS_KEPT:
            self._kept.popitem(last=False)
        return prepared

    def _prepare(self, text: str) -> Prepared:
        try:
            document = parse(
                text, max_lexical_tokens=limits.MAX_TOKENS, max_comments=limits.MAX_TOKENS
            )
        except GraphQLError as error:
            raise RequestRefused("SYNTAX", [error]) from None
        too_large = limits.excess(document)
        if too_large:
            raise RequestRefused.because("TOO_LARGE", too_large)
        errors = validate(_GRAPHQL, document, self._rules, max_errors=MAX_VALIDATION_ERRORS)
        if errors:
            raise RequestRefused("INVALID_DOCUMENT", errors)
        operations = {
            definition.name.value if definition.name else None: definition
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode)
        }
        return Prepared(document, operations)


async def run(
    prepared: Prepared, scope: Scope, variables: dict[str, Any], operation_name: str | None
) -> ExecutionResult:
    """Carry out one operation through Strawberry's resolvers and the scope's loaders.

    Raises RequestRefused when the operation is not clear or its variables do not fit.
    """
    prepared.operation(operation_name)
    result = execute(
        _GRAPHQL,
        prepared.document,
        context_value=scope,
        variable_values=variables,
        operation_name=operation_name,
    )
    done: ExecutionResult = await result if inspect.isawaitable(result) else result
    if done.data is None and done.errors and all(error.path is None for error in done.errors):
        raise RequestRefused("BAD_VARIABLES", done.errors)
    return done
