"""Executes an operation on a compiled plan or, where that is not possible, by generic execution.

Generic execution defines the right response; a plan gives the same faster. Generic execution takes over,
in the same snapshot, where no plan covers an operation or a plan meets an error.
"""

import logging
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import GraphQLError
from graphql.execution.values import VariableValues

from db.errors import (
    BadRequest,
    EngineError,
    IdempotencyKeyReused,
    Overloaded,
    Unavailable,
    Unreadable,
)
from db.program import ReadTimes
from resolvers.operation_context import OperationContext
from schema.built import GRAPHQL
from schema.compiled import payloads, queries
from schema.compiled.compiler import Compiler
from schema.compiled.payloads import MutationPlan
from schema.compiled.plan import Fallback, PlanRun, run_tasks
from schema.compiled.queries import QueryPlan
from schema.execution import generic
from schema.execution.documents import Operation, PreparedDocument
from schema.fields.collect_fields import CollectedField, FieldCollector

log = logging.getLogger(__name__)

# What generic execution reports in the response's `errors`. SQLite refuses to put a BLOB into JSON, and
# writes an infinite number as invalid JSON.
EXPECTED_ERRORS = (
    GraphQLError,
    BadRequest,
    Unreadable,
    Unavailable,
    EngineError,
    IdempotencyKeyReused,
    orjson.JSONDecodeError,
)
PLANS_PER_OPERATION = 16
# How often reads that have seen different states are made again, before they are shown as they are.
TORN_AGAIN = 2
# A plan that reads so few rows, by key, runs on the event loop: a hop to another thread takes longer.
INLINE_ROWS = 8


@dataclass(slots=True)
class OperationResult:
    data: dict[str, Any] | None
    errors: list[GraphQLError] = field(default_factory=list)
    fallback_reason: str | None = None


class Executor:
    """Counts executions: `compiled`, `generic` by the reason for falling back, and `torn` if run again."""

    def __init__(self, *, compile_operations: bool) -> None:
        self._compile = compile_operations
        self.compiled = self.torn = 0
        self.generic: Counter[str] = Counter()

    async def execute(
        self,
        document: PreparedDocument,
        operation: Operation,
        ctx: OperationContext,
        variables: dict[str, Any],
        torn_again: int = TORN_AGAIN,
    ) -> OperationResult:
        """Execute an operation.

        If its reads have seen different states, they are made again, `torn_again` times at most; if the
        context is torn even then, so is the result. Nothing is written again.

        Raises RequestRefused if its variables do not fit, IdempotencyKeyReused if another request was quicker
        to use its key, and Overloaded if it is a query that the database refuses to read now: none of it is
        shown, so that the client tries it again.
        """
        try:
            if not self._compile:
                raise Fallback("plans are switched off")
            coerced = operation.variables.coerce(variables)
            if coerced is None:
                raise Fallback("variables do not fit")
            plan, run = plan_of(document, operation, coerced), PlanRun(ctx, coerced)
            if isinstance(plan, QueryPlan):
                introspected: dict[str, Any] = {}
                if plan.introspection:
                    introspected = await _introspect(plan, document, operation, ctx, variables)
                data = await _query(plan, run, operation.read_times)
                result = OperationResult(data | introspected)
            else:
                result = await _mutate(plan, run, document, operation, variables)
        except Fallback as reason:
            result = await _execute_generically(document, operation, ctx, variables)
            result.fallback_reason = str(reason)
        if ctx.idempotency is not None:
            _raise_first(IdempotencyKeyReused, result.errors)
        if ctx.is_torn and operation.is_query and torn_again:
            self.torn += 1
            ctx.renew()
            return await self.execute(document, operation, ctx, variables, torn_again - 1)
        if result.fallback_reason is None:
            self.compiled += 1
        else:
            self.generic[result.fallback_reason] += 1
        return result


def plan_of(
    document: PreparedDocument, operation: Operation, variables: VariableValues
) -> QueryPlan | list[MutationPlan]:
    """The plan, compiled once for each outcome of @skip and @include; raises Fallback."""
    key = tuple(map(variables.coerced.get, document.directive_variables))
    plan = operation.plans.get(key)
    if plan is None:
        plan = _compile(document, operation, variables)
        if len(operation.plans) < PLANS_PER_OPERATION:
            operation.plans[key] = plan
    if isinstance(plan, Fallback):
        # Never what is stored: an exception keeps the frames of each time that it is raised.
        raise Fallback(str(plan))
    compiled: QueryPlan | list[MutationPlan] = plan
    return compiled


def _compile(
    document: PreparedDocument, operation: Operation, variables: VariableValues
) -> QueryPlan | list[MutationPlan] | Fallback:
    compiler = Compiler(FieldCollector(GRAPHQL, document.fragments, variables))
    try:
        if operation.is_query:
            return queries.compile_query(compiler, operation.node)
        return payloads.compile_mutation(compiler, operation.node)
    except Fallback as reason:
        return Fallback(str(reason))
    except GraphQLError:  # null for the condition of @skip or @include, which a default allows
        return Fallback("fault: GraphQLError")


async def _query(plan: QueryPlan, run: PlanRun, times: ReadTimes) -> dict[str, Any]:
    try:
        if plan.max_rows <= INLINE_ROWS:
            return await run.ctx.read_few(plan.program(run))
        return await run.ctx.read_measured(lambda: plan.program(run), times)
    except Overloaded:
        raise
    except Exception as error:
        raise _fallback(error) from None


async def _introspect(
    plan: QueryPlan,
    document: PreparedDocument,
    operation: Operation,
    ctx: OperationContext,
    variables: dict[str, Any],
) -> dict[str, Any]:
    result = await generic.run_fields(plan.introspection, document, operation, ctx, variables)
    if result.errors or result.data is None:
        raise Fallback(queries.INTROSPECTION)
    return result.data


async def _mutate(
    plans: list[MutationPlan],
    run: PlanRun,
    document: PreparedDocument,
    operation: Operation,
    variables: dict[str, Any],
) -> OperationResult:
    """Run mutation fields in order, each once; where a plan fails, generic execution makes the payload."""
    data: dict[str, Any] = {}
    result = OperationResult(data)
    for plan in plans:
        key = plan.field.key
        try:
            data[key] = await _perform(plan, run)
            continue
        except Fallback as reason:
            result.fallback_reason = str(reason)
        if not await _add_field(result, plan.field, document, operation, run.ctx, variables):
            break
    return result


async def _execute_generically(
    document: PreparedDocument,
    operation: Operation,
    ctx: OperationContext,
    variables: dict[str, Any],
) -> OperationResult:
    if ctx.may_be_torn and not operation.is_query:
        return await _mutate_generically(document, operation, ctx, variables)
    executed = await generic.run(document, operation, ctx, variables)
    if operation.is_query:
        _raise_first(Overloaded, executed.errors or [])
    return OperationResult(executed.data, executed.errors or [])


async def _mutate_generically(
    document: PreparedDocument,
    operation: Operation,
    ctx: OperationContext,
    variables: dict[str, Any],
) -> OperationResult:
    """Run a mutation's fields one by one, so that each reads its payload again if that is torn."""
    mutation: Any = GRAPHQL.mutation_type
    coerced, fields = operation.variables.coerce(variables), None
    if coerced is not None:
        collector = FieldCollector(GRAPHQL, document.fragments, coerced)
        with suppress(GraphQLError):  # null for the condition of @skip or @include
            fields = collector.collect(mutation, [operation.node])
    if fields is None:  # none of it is performed
        executed = await generic.run(document, operation, ctx, variables)
        return OperationResult(executed.data, executed.errors or [])
    result = OperationResult({})
    for field_ in fields:
        if not await _add_field(result, field_, document, operation, ctx, variables):
            break
    return result


async def _add_field(
    result: OperationResult,
    field: CollectedField,
    document: PreparedDocument,
    operation: Operation,
    ctx: OperationContext,
    variables: dict[str, Any],
) -> bool:
    """Add what generic execution makes of one field of a mutation; whether the next one may run."""
    executed = await generic.run_fields(field.nodes, document, operation, ctx, variables)
    again = TORN_AGAIN
    while ctx.is_torn and again:  # its result is in the context, so that it is not performed again
        ctx.renew()
        executed = await generic.run_fields(field.nodes, document, operation, ctx, variables)
        again -= 1
    result.errors += executed.errors or []
    if executed.data is None or result.data is None:
        result.data = None
        return False
    result.data |= executed.data
    return True


async def _perform(plan: MutationPlan, run: PlanRun) -> dict[str, Any]:
    """The field's payload; raises Fallback, having left the mutation's result in the context."""
    ctx, key = run.ctx, plan.field.key
    ctx.cause, ctx.field_key = plan.field.name, key
    try:
        inputs = plan.arguments.values(run)
    except GraphQLError:
        raise Fallback("fault: GraphQLError") from None
    try:
        ctx.mutation_results[key] = payload = await plan.source.perform(ctx, **inputs)
    except Exception as error:
        # Generic execution reports it, and must not perform the mutation again to do so.
        ctx.mutation_results[key] = error
        word = "fault" if isinstance(error, EXPECTED_ERRORS) else "failure"
        raise Fallback(f"{word}: {type(error).__name__}") from None
    try:
        data = await _complete(plan, payload, run)
        again = TORN_AGAIN
        while ctx.is_torn and again:
            ctx.renew()
            data = await _complete(plan, payload, run)
            again -= 1
    except Exception as error:
        raise _fallback(error) from None
    del ctx.mutation_results[key]
    return data


async def _complete(plan: MutationPlan, payload: Any, run: PlanRun) -> dict[str, Any]:
    """The payload's object with what is read to complete it."""
    ctx = run.ctx
    data, tasks = plan.begin(payload, run)
    if tasks and plan.max_rows <= INLINE_ROWS:
        await ctx.read_few(run_tasks(tasks, ctx.usage))
    elif tasks:
        await ctx.read_last(run_tasks(tasks, ctx.usage))
    return data


def _raise_first(type_: type[Exception], errors: list[GraphQLError]) -> None:
    """Raise the first of these errors that a resolver raised as this type."""
    for error in errors:
        if isinstance(error.original_error, type_):
            raise error.original_error


def _fallback(error: Exception) -> Fallback:
    """A Fallback for this error, which is logged if it is unexpected."""
    if isinstance(error, EXPECTED_ERRORS):
        return Fallback(f"fault: {type(error).__name__}")
    log.error("plan failed", exc_info=error)
    return Fallback(f"failure: {type(error).__name__}")
