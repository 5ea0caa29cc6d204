"""The scalars of the public schema, and how a client's value becomes Python's."""

import re
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from db.model import chitty_id, instants
from db.model.column_types import INT64_MAX, INT64_MIN

DateTime = NewType("DateTime", str)
BigInt = NewType("BigInt", int)
ChittyID = NewType("ChittyID", str)
JSON = NewType("JSON", object)


def _parse_instant(value: Any) -> DateTime:
    # fromisoformat takes dates and times alone too; RFC 3339 has both and an offset.
    shape = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"
    if not isinstance(value, str) or not re.fullmatch(shape, value, re.ASCII):
        raise GraphQLError("an instant is RFC 3339 text, as 2026-11-22T09:30:00.000Z")
    try:
        return DateTime(instants.parse(value.upper()))
    except ValueError:
        raise GraphQLError("there is no such instant in the calendar") from None


def _parse_big_int(value: Any) -> BigInt:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphQLError('a BigInt is a whole number as a decimal string, as "42"')
    if not INT64_MIN <= value <= INT64_MAX:
        raise GraphQLError("a BigInt has at most 64 bits")
    return BigInt(value)


def _parse_chitty_id(value: Any) -> ChittyID:
    if not isinstance(value, str) or len(value) > chitty_id.LONGEST:
        raise GraphQLError(f"a ChittyID is a string of at most {chitty_id.LONGEST} characters")
    normal = chitty_id.normalise(value)
    # Two prefixes stay two: a rule that strips one again must still find what is wrong.
    return ChittyID(value if normal.startswith(chitty_id.DID) else normal)


SCALARS: dict[object, ScalarDefinition] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="An instant, RFC 3339, UTC, milliseconds, always ending in Z: "
        "2026-11-22T09:30:00.000Z",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        parse_value=_parse_instant,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A signed 64-bit integer as a decimal string (GitHub's ids outgrow Int)",
        serialize=str,
        parse_value=_parse_big_int,
    ),
    ChittyID: strawberry.scalar(
        name="ChittyID",
        description="A ChittyID in any of its known forms",
        parse_value=_parse_chitty_id,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value; as input at most 16 KiB, 8 levels deep, finite numbers only",
    ),
}
