"""References in the inputs of mutations: global ids become the keys that they stand for.

Both execution paths pass through here before a rule sees its input. A text that is the key of a row which the
viewer sees stays that key, even if it could be a global id: adopted rows have keys of any form.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from strawberry.utils.str_converters import to_camel_case

from db.model.tables import Table
from db.program import Value
from db.queries import lookups
from resolvers.operation_context import OperationContext
from resolvers.validation.input_checks import Inputs, Unusable
from schema.fields import global_ids
from schema.fields.input_fields import REFERENCE

References: TypeAlias = Mapping[str, tuple[Table[Any], ...]]
"""For each field of an input that names a row, the tables that the row may be of."""


def of_input(input_type: Any) -> References:
    fields = input_type.__strawberry_definition__.fields
    return {
        field.python_name: field.metadata[REFERENCE]
        for field in fields
        if REFERENCE in field.metadata
    }


async def to_keys(
    ctx: OperationContext, inputs: Sequence[Inputs], references: References
) -> list[Inputs]:
    """The inputs with a row's key in place of its global id; Unusable in place of one of another table."""
    decoded = [
        {field: target for field in references if (target := _decoded(each.get(field))) is not None}
        for each in inputs
    ]
    if not any(decoded):
        return list(inputs)
    keys = await _keys_among(ctx, inputs, decoded, references)
    return [
        {
            **each,
            **{
                field: _key(target, references[field])
                for field, target in targets.items()
                if not any((table, each[field]) in keys for table in references[field])
            },
        }
        for each, targets in zip(inputs, decoded, strict=True)
    ]


def _decoded(value: Any) -> tuple[Table[Any], Value] | None:
    return global_ids.decode(value) if isinstance(value, str) else None


async def _keys_among(
    ctx: OperationContext,
    inputs: Sequence[Inputs],
    decoded: Sequence[Mapping[str, Any]],
    references: References,
) -> set[tuple[Table[Any], str]]:
    """Which texts that could be global ids are keys of rows, with the tables of these."""
    texts: dict[Table[Any], set[str]] = defaultdict(set)
    for each, targets in zip(inputs, decoded, strict=True):
        for field in targets:
            for table in references[field]:
                texts[table].add(each[field])
    found = set()
    for table, asked in texts.items():
        rows = await ctx.read(lookups.by_column(table, table.key, [*asked]))
        found |= {(table, getattr(row, table.key)) for row in rows if row is not None}
    return found


def _key(target: tuple[Table[Any], Value], tables: Sequence[Table[Any]]) -> Value | Unusable:
    table, key = target
    if table in tables:
        return key
    wanted = " or ".join(_with_article(each) for each in tables)
    own = to_camel_case(tables[0].key)
    return Unusable(f"is the id of {_with_article(table)}: send the {own} or the id of {wanted}")


def _with_article(table: Table[Any]) -> str:
    name = table.row.__name__
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
