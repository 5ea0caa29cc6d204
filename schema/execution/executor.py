"""The two roads of an operation: compiled where a plan covers it, else generic.

Strawberry's resolvers with loaders, the generic road, say what is right. The compiled road says it
faster; when it meets what the other would answer with an error, it hands the operation over in the
same snapshot.
"""

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import GraphQLError, OperationType
from graphql.execution.values import VariableValues

from db.errors import BadRequest, EngineError, Unavailable, Unreadable
from resolvers.operation_context import OperationContext
from schema.built import GRAPHQL
from schema.compiled import payloads, queries
from schema.compiled.compiler import Compiler, NotCovered
from schema.compiled.payloads import MutationPlan
from schema.compiled.plan import Request
from schema.compiled.queries import QueryPlan
from schema.compiled.steps import carried_out
from schema.execution.documents import Operation, Prepared, only_fields, run
from schema.fields.collect_fields import FieldCollector, directive_variables

log = logging.getLogger(__name__)

# What the generic road turns into an error of the answer. SQLite refuses to pack a BLOB, and packs
# an infinite number as something that is no JSON.
FAULTS = (
    GraphQLError,
    BadRequest,
    Unreadable,
    Unavailable,
    EngineError,
    orjson.JSONDecodeError,
)
PLANS_PER_OPERATION = 16
# So few rows by key are read at once: going to another thread takes longer than that.
AT_ONCE = 8


@dataclass(slots=True)
class Answered:
    """An operation's outcome, and why it took the generic road, if it did."""

    data: dict[str, Any] | None
    errors: list[GraphQLError] = field(default_factory=list)
    why_generic: str | None = None


class Roads:
    """Carries operations out, and counts which road they took."""

    def __init__(self, *, compile_operations: bool) -> None:
        self._compile = compile_operations
        self.compiled = 0
        self.generic: Counter[str] = Counter()

    async def answer(
        self, prepared: Prepared, ctx: OperationContext, variables: dict[str, Any], name: str | None
    ) -> Answered:
        """Carry out one operation; raises RequestRefused when it is not clear or does not fit."""
        try:
            answered = await self._on_a_plan(prepared, ctx, variables, name)
        except NotCovered as reason:
            result = await run(prepared, ctx, variables, name)
            answered = Answered(result.data, result.errors or [], str(reason))
        if answered.why_generic is None:
            self.compiled += 1
        else:
            self.generic[answered.why_generic] += 1
        return answered

    async def _on_a_plan(
        self, prepared: Prepared, ctx: OperationContext, variables: dict[str, Any], name: str | None
    ) -> Answered:
        if not self._compile:
            raise NotCovered("plans are switched off")
        operation = prepared.operation(name)
        coerced = operation.variables.coerced(variables)
        if coerced is None:
            raise NotCovered("variables do not fit")
        plan = plan_of(prepared, operation, coerced)
        request = Request(ctx, coerced)
        if isinstance(plan, QueryPlan):
            if not plan.introspection:
                return Answered(await _queried(plan, request))
            described = await _introspected(plan, prepared, ctx, variables, name)
            return Answered(await _queried(plan, request) | described)
        return await _mutated(plan, request, prepared, name, variables)


def plan_of(
    prepared: Prepared, operation: Operation, variables: VariableValues
) -> QueryPlan | list[MutationPlan]:
    """The plan of an operation, kept with it; raises NotCovered.

    There is one for each way that the variables of @skip and @include may turn out.
    """
    if prepared.directed is None:
        prepared.directed = directive_variables(prepared.document)
    key = tuple(map(variables.coerced.get, prepared.directed))
    plan = operation.plans.get(key)
    if plan is None:
        plan = _compiled(prepared, operation.node, variables)
        if len(operation.plans) < PLANS_PER_OPERATION:
            operation.plans[key] = plan
    if isinstance(plan, NotCovered):
        raise plan
    known: QueryPlan | list[MutationPlan] = plan
    return known


def _compiled(prepared: Prepared, operation: Any, variables: VariableValues) -> Any:
    compiler = Compiler(FieldCollector(GRAPHQL, prepared.fragments, variables))
    try:
        if operation.operation is OperationType.QUERY:
            return queries.compiled(compiler, operation)
        return payloads.compiled(compiler, operation)
    except NotCovered as reason:
        return reason
    except GraphQLError:  # null for the condition of @skip or @include, which a default allows
        return NotCovered("fault: GraphQLError")


async def _queried(plan: QueryPlan, request: Request) -> dict[str, Any]:
    try:
        if plan.most <= AT_ONCE:
            return await request.ctx.read_few(plan.program(request))
        return await request.ctx.read_last(plan.program(request))
    except FAULTS as fault:
        raise NotCovered(f"fault: {type(fault).__name__}") from None
    except Exception as fault:
        log.exception("plan failed")
        raise NotCovered(f"failure: {type(fault).__name__}") from None


async def _introspected(
    plan: QueryPlan,
    prepared: Prepared,
    ctx: OperationContext,
    variables: dict[str, Any],
    name: str | None,
) -> dict[str, Any]:
    """What a query asks of the schema itself, besides what its plan reads; raises NotCovered."""
    result = await run(only_fields(prepared, name, plan.introspection), ctx, variables, None)
    if result.errors or result.data is None:
        raise NotCovered(queries.INTROSPECTION)
    return result.data


async def _mutated(
    plans: list[MutationPlan],
    request: Request,
    prepared: Prepared,
    name: str | None,
    variables: dict[str, Any],
) -> Answered:
    """Carry out mutation fields one after the other, and each of them once.

    Where a payload cannot be made, the generic road makes it of what was performed already.
    """
    answered = Answered({})
    for plan in plans:
        key = plan.field.key
        try:
            answered.data[key] = await _performed(plan, request)  # type: ignore[index]
            continue
        except NotCovered as reason:
            answered.why_generic = str(reason)
        alone = only_fields(prepared, name, plan.field.nodes)
        result = await run(alone, request.ctx, variables, None)
        answered.errors += result.errors or []
        if result.data is None:
            answered.data = None
            break
        answered.data |= result.data  # type: ignore[operator]
    return answered


async def _performed(plan: MutationPlan, request: Request) -> dict[str, Any]:
    """A mutation field's payload; raises NotCovered, with what was performed left in the scope."""
    ctx, key = request.ctx, plan.field.key
    try:
        given = plan.arguments.values(request)
    except GraphQLError:
        raise NotCovered("fault: GraphQLError") from None
    try:
        ctx.mutation_results[key] = payload = await plan.source.perform(ctx, **given)
    except Exception as fault:
        # A mutation that failed must not be performed again to say so.
        ctx.mutation_results[key] = fault
        word = "fault" if isinstance(fault, FAULTS) else "failure"
        raise NotCovered(f"{word}: {type(fault).__name__}") from None
    try:
        made, tasks = plan.begin(payload, request)
        if tasks and plan.most <= AT_ONCE:
            await ctx.read_few(carried_out(tasks, ctx.spent))
        elif tasks:
            await ctx.read_last(carried_out(tasks, ctx.spent))
    except FAULTS as fault:
        raise NotCovered(f"fault: {type(fault).__name__}") from None
    except Exception as fault:
        log.exception("plan failed")
        raise NotCovered(f"failure: {type(fault).__name__}") from None
    del ctx.mutation_results[key]
    return made
