"""The custom scalars, and how they parse input."""

import re
from typing import Any, NewType

import strawberry
from graphql import (
    GraphQLError,
    ListValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    value_from_ast_untyped,
)
from strawberry.types.scalar import ScalarDefinition

from db.model import chitty_id, instants, strict_json
from db.model.column_types import INT64_MAX, INT64_MIN
from schema.fields import global_ids

DateTime = NewType("DateTime", str)
BigInt = NewType("BigInt", int)
ChittyID = NewType("ChittyID", str)
JSON = NewType("JSON", object)


def _parse_instant(value: Any) -> DateTime:
    # Stricter than fromisoformat: RFC 3339 requires a date, a time and an offset.
    pattern = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"
    if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
        raise GraphQLError("a DateTime is an RFC 3339 string, such as 2026-11-22T09:30:00.000Z")
    if instants.is_finer(value):
        raise GraphQLError(
            "a DateTime is exact to the millisecond: send at most three digits after the point"
        )
    try:
        return DateTime(instants.parse(value.upper()))
    except ValueError:
        raise GraphQLError("this DateTime does not exist in the calendar") from None


def _parse_big_int(value: Any) -> BigInt:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphQLError('a BigInt is a whole number in a decimal string, such as "42"')
    if not INT64_MIN <= value <= INT64_MAX:
        raise GraphQLError("a BigInt has at most 64 bits")
    return BigInt(value)


def _parse_chitty_id(value: Any) -> ChittyID:
    if not isinstance(value, str) or (
        # The global id of a row, which mutations take too, is longer than its ChittyID.
        len(value) > chitty_id.LONGEST and global_ids.decode(value) is None
    ):
        raise GraphQLError(f"a ChittyID is a string of at most {chitty_id.LONGEST} characters")
    normal = value.removeprefix(chitty_id.DID)
    # A second prefix stays: a validator that strips one again must still see the mistake.
    return ChittyID(value if normal.startswith(chitty_id.DID) else normal)


def _parse_json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    """The value of a literal; a variable without a value leaves out its key, and is null in a list."""
    match node:
        case VariableNode():
            return (variables or {}).get(node.name.value, Undefined)
        case ListValueNode():
            items = [_parse_json_literal(item, variables) for item in node.values]
            return [None if item is Undefined else item for item in items]
        case ObjectValueNode():
            members = [
                (field.name.value, _parse_json_literal(field.value, variables))
                for field in node.fields
            ]
            return {name: value for name, value in members if value is not Undefined}
    return value_from_ast_untyped(node)


# No public specification says how BigInt and ChittyID look, so they name none.
SCALARS: dict[object, ScalarDefinition] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="An instant as an RFC 3339 string in UTC with milliseconds, such as "
        "2026-11-22T09:30:00.000Z. As input it may have another offset, and no part of a millisecond",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        parse_value=_parse_instant,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A signed 64-bit integer as a decimal string, for ids that are too large for Int",
        serialize=str,
        parse_value=_parse_big_int,
    ),
    ChittyID: strawberry.scalar(
        name="ChittyID",
        description="A ChittyID in any of its known forms, with or without the prefix did:chitty:",
        parse_value=_parse_chitty_id,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value. As input: at most 16 KiB, 8 levels deep, finite numbers only",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=strict_json.writable,
        parse_value=lambda value: value,
        parse_literal=_parse_json_literal,
    ),
}
