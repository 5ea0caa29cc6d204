"""Converts stored values to those of the response, a whole column at a time.

Columns of ordinary values are converted in passes that run in C. If any value is unusual, each is read
with the ColumnType, as generic execution does.
"""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeAlias

from db.model import column_types, strict_json
from db.model.column_types import INT32_MAX, ColumnType
from db.model.tables import Column
from db.program import Value

LISTS_CACHED = 4_096
MIN_BATCH = 4  # fewer values are faster to convert one by one
INSTANT_CHARACTERS = 24
SEPARATORS = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":", 19: ".", 23: "Z"}

Values: TypeAlias = Sequence[Any]
Converter: TypeAlias = Callable[[Values], Values]
NoneType = type(None)


def converter(column: Column) -> Converter:
    """The converter of a column's stored values; it raises Unreadable."""
    convert_one = _reader(column)
    convert_batch = (
        _enum_names(column.type) if column.type.names else _BATCH_CONVERTERS.get(column.type)
    )
    if column.private is not None and column.private.hidden is not None:
        convert_batch = None

    def convert(values: Values) -> Values:
        if len(values) == 1:
            return [convert_one(values[0])]
        if len(values) < MIN_BATCH:
            return [convert_one(value) for value in values]
        types = set(map(type, values))
        if not column.nullable and NoneType in types:
            return list(map(convert_one, values))
        converted = convert_batch(values, types) if convert_batch else None
        return list(map(convert_one, values)) if converted is None else converted

    return convert


def one_by_one(read: Callable[[Value], Any]) -> Converter:
    return lambda values: list(map(read, values))


def _texts(values: Values, types: set[type]) -> Values | None:
    return values if types <= {str, NoneType} else None


def _ints(values: Values, types: set[type]) -> Values | None:
    small = types == {int} and min(values) >= 0 and max(values) <= INT32_MAX
    return values if small else None


def _big_ints(values: Values, types: set[type]) -> Values | None:
    return list(map(str, values)) if types == {int} else None


def _instants(values: Values, types: set[type]) -> Values | None:
    """The values if all are canonical: length, separators and calendar."""
    if not types <= {str, NoneType}:
        return None
    texts = [value for value in values if value is not None]
    joined = "".join(texts)
    size, count = INSTANT_CHARACTERS, len(texts)
    if len(joined) != size * count or set(map(len, texts)) - {size}:
        return None
    if any(joined[place::size] != mark * count for place, mark in SEPARATORS.items()):
        return None
    try:
        deque(map(datetime.fromisoformat, texts), maxlen=0)
    except ValueError:
        return None
    return values


_BATCH_CONVERTERS: dict[ColumnType, Callable[[Values, set[type]], Values | None]] = {
    column_types.TEXT: _texts,
    column_types.CHITTY_ID: _texts,
    column_types.INT: _ints,
    column_types.BIG_INT: _big_ints,
    column_types.INSTANT: _instants,
}


def _enum_names(type_: ColumnType) -> Callable[[Values, set[type]], Values | None]:
    name_of = type_.names.__getitem__

    def names(values: Values, types: set[type]) -> Values | None:
        try:
            return list(map(name_of, values))
        except KeyError:
            return None

    return names


def _reader(column: Column) -> Callable[[Value], Any]:
    type_, private = column.type, column.private
    is_nullable = column.nullable or private is not None
    hidden = None if private is None else private.hidden
    read = lru_cache(LISTS_CACHED)(type_.read) if type_ is column_types.STRING_LIST else type_.read
    is_object = type_ is column_types.OBJECT
    is_text, names = type_ in (column_types.TEXT, column_types.CHITTY_ID), type_.names
    serialise: Callable[[Any], Any] | None = None
    if type_ is column_types.BIG_INT:
        serialise = str
    elif names:
        serialise = attrgetter("name")

    def convert_one(stored: Value) -> Any:
        # As Column.is_null, without its calls.
        if (stored is None and is_nullable) or (hidden is not None and stored == hidden):
            return None
        if is_text and type(stored) is str:
            return stored
        if stored in names:  # empty for types other than enums
            return names[stored]
        value = read(stored)
        if is_object and value and strict_json.LONG_DIGITS.search(str(stored)):
            return strict_json.writable(value)
        return value if serialise is None else serialise(value)

    return convert_one
