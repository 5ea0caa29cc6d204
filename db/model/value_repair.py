"""The canonical value for a stored value in another form.

A value that cannot be read is replaced by one that can be served and claims as little as possible; it is then
`lost`, and the original is kept.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from typing import Any

from db.errors import Unreadable
from db.model import chitty_id, column_types, enums, instants, json_repair, tables
from db.model.json_repair import TooDeep
from db.model.tables import Column, Table
from db.program import Value

OTHER_FORM = "an instant in another form"
NO_INSTANT = "no instant"
NULL = "NULL where there must be a value"
EMPTY = "NULL or empty where JSON belongs"
BROKEN = "JSON that is broken or of another shape"
BEYOND = "JSON with a number, level or character that the API cannot express"
TOO_DEEP = "JSON that nests too deep to be read: left as it is"
UNKNOWN = "a value outside of the enumeration"
OTHER_CASE = "a value in another spelling"
NO_NUMBER = "no whole number"
NO_TEXT = "no text"
DID = f"a ChittyID with {chitty_id.DID} before it"

# Any other form holds more than an instant to the millisecond: an offset, or finer fractions.
_PLAIN = re.compile(
    r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d{1,3}0*)?)?[Zz]?)?|\d{10}(\.\d{1,3}0*)?|\d{13}(\.0+)?"
)
# Instants that end or suspend something: without one, the row would be live again.
_ENDS = frozenset({"suspended_at"})
_MILLISECONDS_SINCE = 1e11  # as seconds, the year 5138

_LEAST_CLAIM: dict[type[Enum], Enum] = {
    enums.ActorType: enums.ActorType.SYSTEM,
    enums.ActorStatus: enums.ActorStatus.SUSPENDED,
    enums.ContextStatus: enums.ContextStatus.INACTIVE,
    enums.AccountType: enums.AccountType.USER,
    enums.RepositorySelection: enums.RepositorySelection.SELECTED,
    enums.ConnectionType: enums.ConnectionType.API,
    enums.ConnectionStatus: enums.ConnectionStatus.INACTIVE,
    enums.SourceType: enums.SourceType.ACTOR,
}
_ENDED: dict[type[Enum], tuple[str, Enum]] = {
    enums.ContextStatus: ("deleted_at", enums.ContextStatus.DELETED),
    enums.ConnectionStatus: ("disconnected_at", enums.ConnectionStatus.DISCONNECTED),
}
_TYPES = {
    enums.ActorType.HUMAN: {"P", "PEO", "PEOPLE", "PERSON", "HUMAN", "USER"},
    enums.ActorType.AI: {"AI", "AGENT", "BOT"},
    enums.ActorType.SERVICE: {"SERVICE", "SVC", "APP"},
}


@dataclass(frozen=True, slots=True)
class Repaired:
    """The new value and the problem with the old one; `lost` if the new one does not tell the old one."""

    value: Value
    problem: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: its column, the row around it, the DEFAULT that a migration declares."""

    table: Table[Any]
    column: Column
    row: Mapping[str, Value]
    default: Value
    now: str


def actor_type(text: str) -> enums.ActorType:
    """The type of actor that a ChittyID names, or SYSTEM."""
    named = chitty_id.type_of(chitty_id.normalise(text))
    types = [member for member, names in _TYPES.items() if named in names]
    return types[0] if types else enums.ActorType.SYSTEM


def validator(column: Column) -> Callable[[Value], bool]:
    kind = column.type
    if isinstance(kind.python, type) and issubclass(kind.python, Enum):
        return frozenset(member.value for member in kind.python).__contains__
    test = _VALID[kind]
    return (lambda stored: stored is None or test(stored)) if column.nullable else test


def _is_instant(stored: Value) -> bool:
    try:
        return (
            isinstance(stored, str)
            and instants.CANONICAL.fullmatch(stored) is not None
            and instants.read(stored) == stored
        )
    except ValueError:
        return False


def _is_json(empty: str, read: Callable[[Value], Any], stored: Value) -> bool:
    if stored == empty:
        return True
    if stored is None or stored == "":
        return False
    try:
        read(stored)
    except Unreadable:
        return False
    return True


_VALID: dict[column_types.ColumnType, Callable[[Value], bool]] = {
    column_types.TEXT: lambda stored: type(stored) is str,
    column_types.CHITTY_ID: lambda stored: (
        type(stored) is str and stored != "" and not stored.startswith(chitty_id.DID)
    ),
    column_types.INT: lambda stored: type(stored) is int,
    column_types.BIG_INT: lambda stored: type(stored) is int,
    column_types.INSTANT: _is_instant,
    column_types.STRING_LIST: partial(_is_json, "[]", column_types.STRING_LIST.read),
    column_types.OBJECT: partial(_is_json, "{}", column_types.OBJECT.read),
}


def without_loss(table: Table[Any], column: Column, row: Mapping[str, Value]) -> Repaired | None:
    """The repair of a value that cannot be read; None if it loses something, or is new each time."""
    stored = row[column.name]
    if column.type is column_types.CHITTY_ID and not stored:
        return None
    repaired = repair(Place(table, column, row, tables.DEFAULTS.get(column.name), now=""))
    unchanged = (type(stored), stored) == (type(repaired.value), repaired.value)
    return None if repaired.lost or unchanged or repaired.value == "" else repaired


def repair(place: Place) -> Repaired:
    stored, kind = place.row[place.column.name], place.column.type
    if isinstance(stored, bytes):
        text = stored.decode(errors="replace")
        if validator(place.column)(text):
            return Repaired(text, NO_TEXT, lost=True)
        return Repaired(_REPAIR.get(kind, _member)(place, text).value, NO_TEXT, lost=True)
    return _REPAIR.get(kind, _member)(place, stored)


def _instant(place: Place, stored: Value) -> Repaired:
    if stored == "" and place.column.nullable:
        return Repaired(None, OTHER_FORM)
    moment = _moment(stored)
    if moment is not None:
        exact = _PLAIN.fullmatch(str(stored)) is not None
        return Repaired(moment, OTHER_FORM, lost=not exact)
    if place.column.nullable and place.column.name not in place.table.ends | _ENDS:
        return Repaired(None, NO_INSTANT, lost=True)
    return Repaired(
        _nearest(place), NULL if stored is None else NO_INSTANT, lost=stored is not None
    )


def _moment(stored: Value) -> str | None:
    """The instant of a text, or of a Unix time in seconds or milliseconds, of any number of digits."""
    try:
        return instants.read(stored.strip() if isinstance(stored, str) else stored)
    except ValueError:
        pass
    try:
        if isinstance(stored, int | float):
            seconds = stored / 1000 if abs(stored) >= _MILLISECONDS_SINCE else stored
            return instants.canonical(datetime.fromtimestamp(seconds, UTC))
        return instants.parse(stored.strip()) if isinstance(stored, str) else None
    except (ValueError, OverflowError, OSError):
        return None


def _nearest(place: Place) -> str:
    """The row's own last change, else when it began, else now."""
    for name in ("updated_at", place.table.newest):
        moment = None if name == place.column.name else _moment(place.row[name])
        if moment is not None:
            return moment
    return place.now


def _json(place: Place, stored: Value) -> Repaired:
    if stored is None or stored == "":
        return Repaired(place.default, EMPTY)
    return Repaired(place.default, BROKEN, lost=True)


def _object(place: Place, stored: Value) -> Repaired:
    try:
        value = json_repair.read(stored) if isinstance(stored, str) else None
        if isinstance(value, dict):
            return Repaired(json_repair.write(value), BEYOND, lost=True)
    except TooDeep:
        return Repaired(stored, TOO_DEEP)
    except ValueError:
        pass
    return _json(place, stored)


def _string_list(place: Place, stored: Value) -> Repaired:
    """An item that is not a text is replaced by its name: an app's repositories come as objects."""
    try:
        items = json_repair.read(stored) if isinstance(stored, str) else None
        if isinstance(items, list):
            named = [_named(item) for item in items]
            return Repaired(json_repair.write(named), BROKEN, lost=True)
    except TooDeep:
        return Repaired(stored, TOO_DEEP)
    except ValueError:
        pass
    return _json(place, stored)


def _named(item: Any) -> str:
    if isinstance(item, dict):
        item = item.get("full_name") or item.get("name") or item
    return item if isinstance(item, str) else json_repair.write(item)


def _number(place: Place, stored: Value) -> Repaired:
    if stored is None:
        return Repaired(place.default or 0, NULL)
    try:
        number = int(stored)
        if number == float(stored) and column_types.INT64_MIN <= number <= column_types.INT64_MAX:
            return Repaired(number, OTHER_CASE)
    except (ValueError, OverflowError):
        pass
    return Repaired(None if place.column.nullable else place.default or 0, NO_NUMBER, lost=True)


def _text(place: Place, stored: Value) -> Repaired:
    if stored is None:
        key = place.row[place.table.key]
        return Repaired(str(key) if place.column.name == "name" else "unknown", NULL)
    return Repaired(str(stored), NO_TEXT)


def _chitty_id(place: Place, stored: Value) -> Repaired:
    if stored == "" and place.column.nullable:
        return Repaired(None, OTHER_CASE)
    if isinstance(stored, str) and stored:
        return Repaired(chitty_id.normalise(stored), DID)
    if not stored and place.table.name == "installations":
        return Repaired(chitty_id.local("INSTALLATION"), NULL)
    return Repaired(str(stored), NO_TEXT) if stored else Repaired("CHITTY-UNKNOWN", NULL)


def _member(place: Place, stored: Value) -> Repaired:
    members: type[Enum] = place.column.type.python
    text = str(stored).strip().lower()
    for member in members:
        if member.value.lower() == text:
            return Repaired(member.value, OTHER_CASE)
    value = _stand_in(members, place, stored).value
    return Repaired(value, NULL if stored is None else UNKNOWN, lost=stored is not None)


def _stand_in(members: type[Enum], place: Place, stored: Value) -> Enum:
    if members is enums.ActorType:
        return actor_type(str(place.row[place.table.key]))
    end, ended = _ENDED.get(members, ("", None))
    if ended is not None and place.row[end] is not None:
        return ended
    if stored is None and place.default is not None:
        return members(place.default)
    return _LEAST_CLAIM[members]


_REPAIR: dict[column_types.ColumnType, Callable[[Place, Value], Repaired]] = {
    column_types.TEXT: _text,
    column_types.CHITTY_ID: _chitty_id,
    column_types.INT: _number,
    column_types.BIG_INT: _number,
    column_types.INSTANT: _instant,
    column_types.STRING_LIST: _string_list,
    column_types.OBJECT: _object,
}
