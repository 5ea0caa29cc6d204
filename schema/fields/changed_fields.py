"""What a change shows of its row: the fields whose values differ, by their GraphQL names.

A field's value is that of the row's own type, with these exceptions: a to-one relation is the global id of
what it leads to, and null if the viewer does not see that; a value that cannot be read is an object with the
member `unreadable`, which says why; what is not UTF-8 is U+FFFD. Fields whose values the viewer may not see
are left out.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeAlias

from strawberry.utils.str_converters import to_camel_case

from db.errors import Unreadable
from db.model import column_types, strict_json
from db.model.tables import TABLES, Column, Relation, Table
from schema.fields import fields, global_ids
from schema.fields.sources import METADATA, Derived, FromColumn, ToOne, ToOneOf

CHANGES_CACHED = 256  # both fields of a change are made at once

Row: TypeAlias = Mapping[str, Any]
Shown: TypeAlias = dict[str, Any]

_TABLES: dict[Any, Table[Any]] = {table.name: table for table in TABLES}


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a type: its value depends on these columns."""

    name: str
    columns: tuple[str, ...]
    read: Callable[[Row], Any]
    is_hidden: Callable[[Row], bool] = lambda row: False


def before(kind: Any, old: Any, new: Any) -> Any:
    """The values before the change, of its stored `kind`, `before` and `after`."""
    return _shown(kind, old, new)[0]


def after(kind: Any, old: Any, new: Any) -> Any:
    """The values after the change, of the same."""
    return _shown(kind, old, new)[1]


def entity_id(kind: Any, key: Any) -> str:
    """The global id of the row that changed; raises Unreadable."""
    table = _TABLES.get(kind)
    if table is None:
        raise Unreadable("a change is of no kind of object that there is")
    return global_ids.of_key(table.row.__name__, key)


@lru_cache(CHANGES_CACHED)
def _shown(kind: Any, old_text: Any, new_text: Any) -> tuple[Any, Any]:
    if kind not in _TABLES:
        return None, None
    try:
        old, new = _parsed(old_text), _parsed(new_text)
    except ValueError as error:
        unreadable = _unreadable(f"the stored row {error}")
        return (
            None if old_text is None else unreadable,
            None if new_text is None else unreadable,
        )
    if old is None or new is None:
        return _values(kind, old), _values(kind, new)
    whole = {**new, **old}
    changed = {name for name, value in old.items() if not _same(value, new.get(name))}
    values = [
        (field.name, _value(field, whole), _value(field, new))
        for field in _fields(_TABLES[kind])
        if not changed.isdisjoint(field.columns)
        and _is_known(field, whole)
        and _is_known(field, new)
    ]
    differing = [(name, was, now) for name, was, now in values if not _same(was, now)]
    return (
        strict_json.writable({name: was for name, was, _ in differing}),
        strict_json.writable({name: now for name, _, now in differing}),
    )


def _parsed(text: Any) -> Row | None:
    if text is None:
        return None
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    try:
        row = strict_json.parse_stored(text)
    except ValueError as error:
        raise ValueError(strict_json.describe(error)) from None
    if not isinstance(row, dict):
        raise ValueError("is not a JSON object")
    return row


def _values(kind: Any, row: Row | None) -> Any:
    """The values of a whole row."""
    if row is None:
        return None
    known = [field for field in _fields(_TABLES[kind]) if _is_known(field, row)]
    return strict_json.writable({field.name: _value(field, row) for field in known})


def _same(one: Any, other: Any) -> bool:
    # In Python, 1 equals True.
    return one == other and json.dumps(one) == json.dumps(other)


def _is_known(field: _Field, row: Row) -> bool:
    """Whether the viewer may see the values that the field is made of, and the row had them."""
    return all(name in row for name in field.columns) and not field.is_hidden(row)


def _value(field: _Field, row: Row) -> Any:
    try:
        if any(isinstance(row[name], dict) for name in field.columns):
            raise Unreadable("the stored value is a BLOB")
        return field.read(row)
    except Unreadable as unreadable:
        return _unreadable(str(unreadable))


def _unreadable(why: str) -> Shown:
    return {"unreadable": why}


@cache
def _fields(table: Table[Any]) -> list[_Field]:
    definition: Any = fields.type_of(table).__strawberry_definition__  # type: ignore[attr-defined]
    found = []
    for each in definition.fields:
        name = each.graphql_name or to_camel_case(each.python_name)
        match each.metadata.get(METADATA):
            case FromColumn(column):
                found.append(_Field(name, (column.name,), _of_column(column), _hidden(column)))
            case Derived(of, read):
                found.append(_Field(name, (of,), _derived(of, read)))
            case ToOne(relation):
                found.append(_Field(name, (relation.column,), _reference(relation)))
            case ToOneOf(which, relations):
                columns = {relation.column for relation in relations.values()}
                found.append(_Field(name, (which, *columns), _reference_of(which, relations)))
    return found


def _of_column(column: Column) -> Callable[[Row], Any]:
    def read(row: Row) -> Any:
        stored = row[column.name]
        if column.is_null(stored):
            return None
        value = column.type.read(stored)
        if column.type.names:
            return value.name
        return str(value) if column.type is column_types.BIG_INT else value

    return read


def _hidden(column: Column) -> Callable[[Row], bool]:
    """Whether a row has what stands for a value of this column that the viewer may not see."""
    hidden = None if column.private is None else column.private.hidden
    return lambda row: hidden is not None and row[column.name] == hidden


def _derived(column: str, read: Callable[[Any], Any]) -> Callable[[Row], Any]:
    def plain(row: Row) -> Any:
        value = read(row[column])
        if isinstance(value, list):
            return [dataclasses.asdict(item) for item in value]
        return value

    return plain


def _reference(relation: Relation[Any]) -> Callable[[Row], Any]:
    type_name = relation.child.row.__name__

    def read(row: Row) -> Any:
        key = row[relation.column]
        return None if key is None else global_ids.of_key(type_name, key)

    return read


def _reference_of(which: str, relations: Mapping[str, Relation[Any]]) -> Callable[[Row], Any]:
    readers = {value: _reference(relation) for value, relation in relations.items()}

    def read(row: Row) -> Any:
        reader = readers.get(row[which])
        return None if reader is None else reader(row)

    return read
