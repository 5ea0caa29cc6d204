"""The rules of rows that come from a file: those of mutations, column by column.

What GitHub tells of an installation is held to its type only, as it is when a webhook brings it. States
are taken as they are, since an import brings back what has been: a deleted context, its suspended owner.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import EnumType
from typing import Any

from db.commands.statements import stored
from db.errors import Unreadable
from db.model import column_types
from db.model.enums import ActorStatus, ConnectionType
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, Column, Table
from db.program import Value
from db.transfer.layout import FACTS, TRANSFERS, Transfer
from resolvers import actors, connections, contexts
from resolvers.validation import endpoints, secrets, validators
from resolvers.validation.input_checks import Checks
from resolvers.validation.json_objects import json_object
from resolvers.validation.validators import Malformed, Shape

LONGEST_ASPECT = 500
COUNT = validators.whole(0, column_types.INT64_MAX)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as a file gives it: where it begins, what it is and its values, or what is wrong."""

    line: int
    type: Any = None
    values: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row that keeps the rules: every column in its stored form, and which ones were given."""

    values: tuple[Value, ...]
    given: frozenset[str]


def _error_text(value: Any) -> str:
    found = validators.text(connections.LONGEST_ERROR, lines=True)(value)
    if secrets.redact(found) != found:
        raise Malformed("must not carry credentials: put [redacted] in their place")
    return found


_TOLD = validators.text(validators.LONGEST_URL)


def _texts_told(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise Malformed("must be a list of texts")
    return [_TOLD(item) for item in value]


def _json_text(value: Any) -> str:
    found = validators.text(column_types.INT32_MAX, lines=True)(value)
    try:
        column_types.OBJECT.read(f'{{"value":{found}}}')
    except Unreadable:
        raise Malformed("must be JSON in a text") from None
    return found


SHAPES: Mapping[Table[Any], Mapping[str, Shape[Any]]] = {
    ACTORS: {**actors.PROFILE, **actors.LISTS},
    CONTEXTS: {**contexts.LINKS, **contexts.LISTS, "name": validators.name},
    INSTALLATIONS: {
        "installation_id": validators.identifier,
        "account_id": validators.identifier,
        "account_login": _TOLD,
        "account_avatar_url": _TOLD,
        "events": _texts_told,
        "selected_repositories": _texts_told,
    },
    CONNECTIONS: {
        **connections.REACH,
        "connection_id": validators.uuid,
        "target_service": endpoints.service,
        "last_error": _error_text,
    },
    FACTS: {
        "installation_id": validators.identifier,
        "aspect": validators.text(LONGEST_ASPECT),
        "value": _json_text,
    },
}
# Of the columns that a row may leave out, beside those that may be NULL and the instants, which are now.
DEFAULTS: Mapping[str, Any] = {
    "status": ActorStatus.ACTIVE.value,
    "connection_type": ConnectionType.API.value,
    "session_count": 0,
    "error_count": 0,
    "request_count": 0,
}
DEFAULT_OF_KIND: Mapping[column_types.Kind, Any] = {
    column_types.STRING_LIST: [],
    column_types.OBJECT: {},
}


def _shape(table: Table[Any], column: Column) -> Shape[Any]:
    if column.name in SHAPES[table]:
        return SHAPES[table][column.name]
    if isinstance(column.kind.python, EnumType):
        return _value_of(column.kind.python)
    return {
        column_types.CHITTY_ID: validators.chitty_id,
        column_types.INSTANT: validators.instant,
        column_types.INT: COUNT,
        column_types.BIG_INT: COUNT,
        column_types.OBJECT: json_object,
    }[column.kind]


def _value_of(members: Any) -> Shape[str]:
    known = [member.value for member in members]

    def check(value: Any) -> str:
        if value not in known:
            raise Malformed(f"must be one of {', '.join(known)}")
        return str(value)

    return check


def _as_stored(column: Column) -> Shape[Any]:
    """Whatever the schema can express in this column."""
    if isinstance(column.kind.python, EnumType):
        return _value_of(column.kind.python)
    nested = column.kind in DEFAULT_OF_KIND

    def check(value: Any) -> Any:
        try:
            if isinstance(value, list | dict) != nested or isinstance(value, bool):
                raise Unreadable
            text = stored(value)
            found = column.kind.read(text)
            if isinstance(text, str):
                text.encode()
        except (Unreadable, UnicodeEncodeError, RecursionError):
            raise Malformed(f"cannot be read as {column.kind.name}") from None
        return found if column.kind is column_types.INSTANT else value

    return check


class Reader:
    """Holds rows against the rules; `as_stored` asks only that the schema can express them.

    `now` is the instant of those that a row leaves out.
    """

    def __init__(self, *, now: str, as_stored: bool) -> None:
        self._now = now
        self._columns = {
            transfer.table: [
                (
                    column,
                    # The rules of facts are the server's own: none were ever stored otherwise.
                    _as_stored(column)
                    if as_stored and transfer.table is not FACTS
                    else _shape(transfer.table, column),
                )
                for column in transfer.table.columns.values()
            ]
            for transfer in TRANSFERS
        }

    def read(self, transfer: Transfer, given: Mapping[str, Any]) -> Row | list[str]:
        """The row that these values make, or every reason why they make none."""
        table = transfer.table
        checks = Checks(given)
        values = [self._clean(checks, given, *each) for each in self._columns[table]]
        for name in given.keys() - table.columns.keys():
            checks.refuse(name[:60], f"is no column of {table.name}")
        if checks.problems:
            return [f"{'.'.join(each.path)}: {each.message}" for each in checks.problems]
        return Row(
            tuple([value if type(value) is str else stored(value) for value in values]),
            frozenset(given),
        )

    def _clean(
        self, checks: Checks, given: Mapping[str, Any], column: Column, shape: Shape[Any]
    ) -> Any:
        if column.nullable:
            return checks.optional(column.name, shape)
        if column.name not in given and not is_required(column):
            return _default(column, self._now)
        return checks.required(column.name, shape)


def is_required(column: Column) -> bool:
    """Whether a row must have a value here, because there is no default."""
    return not column.nullable and _default(column, "now") is None


def _default(column: Column, now: str) -> Any:
    if column.kind is column_types.INSTANT:
        return now
    return DEFAULTS.get(column.name, DEFAULT_OF_KIND.get(column.kind))
