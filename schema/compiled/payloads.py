"""Payloads of mutations as plans: built from the rows that were written, completed by reading."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

from graphql import GraphQLField, get_named_type, get_nullable_type, is_list_type

from schema.compiled.arguments import Arguments
from schema.compiled.compiler import Compiler, source_of
from schema.compiled.plan import Fallback, PlanRun, Task
from schema.compiled.rows import Columns, RowPlan
from schema.fields import global_ids, sources
from schema.fields.collect_fields import CollectedField
from schema.fields.sources import DEFINITION


@dataclass(frozen=True, slots=True)
class Entity:
    """A field of a payload that holds one row or several."""

    name: str
    plan: RowPlan
    is_list: bool


@dataclass(frozen=True, slots=True)
class MutationPlan:
    """A mutation's field; at most `max_rows` are read to complete its payload."""

    field: CollectedField
    source: sources.MutationField
    arguments: Arguments
    parts: list[tuple[str, Entity | Callable[[Any], Any]]]
    max_rows: float

    def begin(self, payload: Any, run: PlanRun) -> tuple[dict[str, Any], list[Task]]:
        """The payload's object, and the tasks that complete it; raises Unreadable."""
        data: dict[str, Any] = {}
        tasks: list[Task] = []
        for key, part in self.parts:
            if isinstance(part, Entity):
                data[key], more = _entity(part, getattr(payload, part.name), run)
                tasks += more
            else:
                data[key] = part(payload)
        return data, tasks


def compile_mutation(compiler: Compiler, node: Any) -> list[MutationPlan]:
    """The plans of a mutation's fields, in order; raises Fallback."""
    mutation: Any = compiler.collector.schema.mutation_type
    return [
        _field(compiler, field, mutation) for field in compiler.collector.collect(mutation, [node])
    ]


def _field(compiler: Compiler, field: CollectedField, mutation: Any) -> MutationPlan:
    if field.name == "__typename":
        raise Fallback("Mutation.__typename")
    definition: GraphQLField = mutation.fields[field.name]
    payload: Any = get_named_type(definition.type)
    parts = [
        (each.key, _part(compiler, payload, each))
        for each in compiler.collector.collect(payload, field.nodes)
    ]
    arguments = Arguments.of(definition, field.nodes[0])
    entities = [part for _, part in parts if isinstance(part, Entity)]
    max_rows = sum(inf if each.is_list else each.plan.max_rows for each in entities)
    return MutationPlan(field, source_of(definition), arguments, parts, max_rows)


def _part(compiler: Compiler, payload: Any, field: CollectedField) -> Entity | Callable[[Any], Any]:
    if field.name == "__typename":
        return lambda _: payload.name
    definition = payload.fields[field.name]
    type_: Any = get_named_type(definition.type)
    name = definition.extensions[DEFINITION].python_name
    if type_.name in global_ids.BY_TYPE_NAME:
        columns = Columns(global_ids.BY_TYPE_NAME[type_.name])
        is_list = is_list_type(get_nullable_type(definition.type))
        return Entity(name, compiler.rows(columns, field.nodes), is_list)
    if not is_list_type(get_nullable_type(definition.type)):
        raise Fallback(f"{payload.name}.{field.name}")
    plain = compiler.plain(type_, field.nodes)
    return lambda value: [plain(item) for item in getattr(value, name)]


def _entity(entity: Entity, value: Any, run: PlanRun) -> tuple[Any, Iterator[Task]]:
    if value is None:
        return None, iter(())
    entities = value if isinstance(value, list) else [value]
    names = entity.plan.columns.names
    rows = [[getattr(each.row, name) for name in names] for each in entities]
    objects = entity.plan.build(rows)
    tasks = entity.plan.tasks(objects, rows, run)
    return (objects if isinstance(value, list) else objects[0]), tasks
