"""Generic execution: Strawberry's resolvers with dataloaders, which define the right response."""

import inspect
from collections.abc import Sequence
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    OperationDefinitionNode,
    SelectionSetNode,
    execute,
)

from resolvers.operation_context import OperationContext
from schema.built import GRAPHQL
from schema.errors import MAX_ERRORS, RequestRefused, first_errors
from schema.execution.coroutines import Coroutines
from schema.execution.documents import Operation, PreparedDocument


async def run(
    document: PreparedDocument,
    operation: Operation,
    ctx: OperationContext,
    variables: dict[str, Any],
) -> ExecutionResult:
    """Execute one operation; raises RequestRefused if its variables do not fit."""
    coroutines = Coroutines()
    executed = execute(
        GRAPHQL,
        document.ast,
        context_value=ctx,
        variable_values=variables,
        operation_name=operation.name,
        hide_suggestions=document.hide_suggestions,
        max_coercion_errors=MAX_ERRORS - 1,
        is_awaitable=coroutines.is_awaitable,
    )
    try:
        result: ExecutionResult = await executed if inspect.isawaitable(executed) else executed
    finally:
        coroutines.close_later()
    if result.data is None and result.errors and all(error.path is None for error in result.errors):
        raise RequestRefused("BAD_VARIABLES", first_errors(result.errors))
    return result


async def run_fields(
    nodes: Sequence[FieldNode],
    document: PreparedDocument,
    operation: Operation,
    ctx: OperationContext,
    variables: dict[str, Any],
) -> ExecutionResult:
    """Execute an operation as if it selected only these root fields; raises RequestRefused."""
    only = OperationDefinitionNode(
        operation=operation.node.operation,
        variable_definitions=operation.node.variable_definitions,
        directives=operation.node.directives,
        selection_set=SelectionSetNode(selections=tuple(nodes)),
    )
    ast = DocumentNode(definitions=(only, *document.fragments.values()))
    partial_document = PreparedDocument.of(ast)
    return await run(partial_document, partial_document.operation(None), ctx, variables)
