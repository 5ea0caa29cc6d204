"""Validation of rows imported from a file, with the validators of mutations, column by column.

What GitHub reports of an installation is only checked for its type, as in webhooks. Any status is valid, so
that an import can restore deleted contexts and suspended owners. Ids have any form, as those of adopted rows:
they were given elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import EnumType
from typing import Any

from db.commands.installation_facts import Rank
from db.commands.statements import stored
from db.errors import Unreadable
from db.model import column_types, instant_forms, instants
from db.model.tables import (
    ACTORS,
    CONNECTIONS,
    CONTEXTS,
    DEFAULTS,
    INSTALLATIONS,
    Column,
    Table,
)
from db.program import Value
from db.transfer.layout import FACTS, TRANSFERS, Transfer
from resolvers import actors, connections, contexts
from resolvers.validation import endpoints, secrets, validators
from resolvers.validation.input_checks import InputChecks, Inputs
from resolvers.validation.json_objects import json_object
from resolvers.validation.validators import InvalidValue, Validator

MAX_ASPECT_LENGTH = 500
MAX_RECEIPT = 2**62  # what comes later has higher ones
COUNT = validators.whole_number(0, column_types.INT64_MAX)
ID = validators.chitty_id_of_row


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row of a file: its first line, type and values, or the reason why it is unreadable."""

    line: int
    type: Any = None
    values: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedRow:
    values: tuple[Value, ...]
    columns: frozenset[str]


def _error_text(value: Any) -> str:
    message = validators.text(connections.MAX_ERROR_LENGTH, lines=True)(value)
    if secrets.redact(message) != message:
        raise InvalidValue("must not contain credentials: replace them by [redacted]")
    return message


_REPORTED = validators.text(validators.MAX_URL_LENGTH)


def _reported_list(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise InvalidValue("must be a list of strings")
    return [_REPORTED(item) for item in value]


def _json_text(value: Any) -> str:
    document = validators.text(column_types.INT32_MAX, lines=True)(value)
    try:
        column_types.OBJECT.read(f'{{"value":{document}}}')
    except Unreadable:
        raise InvalidValue("must be a string that contains JSON") from None
    return document


def _instant(value: Any) -> str:
    """Any form in which programs store instants, Unix time as a JSON number too."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return validators.instant(value)
    try:
        return instants.read(value)
    except ValueError:
        digits = f"{instant_forms.SECONDS} digits for seconds or {instant_forms.MILLISECONDS}"
        raise InvalidValue(f"must be an instant: Unix time has {digits} for milliseconds") from None


def _rank(value: Any) -> int:
    if value not in [*Rank] or isinstance(value, bool):
        raise InvalidValue(f"must be {' or '.join(str(each.value) for each in Rank)}")
    return int(value)


def _fact_of_today(inputs: Inputs) -> Inputs:
    """An exported fact; one of an older version has no receipt, and five ranks that decided in its place."""
    rank = inputs.get("rank")
    if "receipt" in inputs or type(rank) is not int or not 0 <= rank <= Rank.DELETION:
        return inputs
    is_deletion = rank == Rank.DELETION
    return {**inputs, "rank": Rank.DELETION if is_deletion else Rank.REPORT, "receipt": rank}


VALIDATORS: Mapping[Table[Any], Mapping[str, Validator[Any]]] = {
    ACTORS: {**actors.PROFILE, **actors.LISTS, "chitty_dna_id": ID},
    CONTEXTS: {**dict.fromkeys(contexts.LINKS, ID), **contexts.LISTS, "name": validators.name},
    INSTALLATIONS: {
        "installation_id": validators.installation_id_of_row,
        "account_id": COUNT,
        "account_login": _REPORTED,
        "account_avatar_url": _REPORTED,
        "events": _reported_list,
        "selected_repositories": _reported_list,
    },
    CONNECTIONS: {
        **connections.TARGET,
        "connection_id": validators.connection_id_of_row,
        "target_service": endpoints.service,
        "last_error": _error_text,
    },
    FACTS: {
        "installation_id": validators.installation_id_of_row,
        "aspect": validators.text(MAX_ASPECT_LENGTH),
        "rank": _rank,
        "receipt": validators.whole_number(0, MAX_RECEIPT),
        "value": _json_text,
    },
}
DEFAULT_OF_TYPE: Mapping[column_types.ColumnType, Any] = {
    column_types.STRING_LIST: [],
    column_types.OBJECT: {},
}


def _validator(table: Table[Any], column: Column) -> Validator[Any]:
    if column.name in VALIDATORS[table]:
        return VALIDATORS[table][column.name]
    if isinstance(column.type.python, EnumType):
        return _enum_value(column.type.python)
    return {
        column_types.CHITTY_ID: ID,
        column_types.INSTANT: _instant,
        column_types.INT: COUNT,
        column_types.BIG_INT: COUNT,
        column_types.OBJECT: json_object,
    }[column.type]


def _enum_value(members: Any) -> Validator[str]:
    known = [member.value for member in members]

    def check(value: Any) -> str:
        if value not in known:
            raise InvalidValue(f"must be one of {', '.join(known)}")
        return str(value)

    return check


def _as_stored(column: Column) -> Validator[Any]:
    """Accepts whatever the GraphQL schema can express in this column."""
    if isinstance(column.type.python, EnumType):
        return _enum_value(column.type.python)
    nested = column.type in DEFAULT_OF_TYPE

    def check(value: Any) -> Any:
        try:
            if isinstance(value, list | dict) != nested or isinstance(value, bool):
                raise Unreadable
            text = stored(value)
            canonical = column.type.read(text)
            if isinstance(text, str):
                text.encode()
        except (Unreadable, UnicodeEncodeError, RecursionError):
            raise InvalidValue(f"cannot be read as {column.type.name}") from None
        return canonical if column.type is column_types.INSTANT else value

    return check


class RowChecker:
    """Checks rows; with `as_stored`, it accepts every value that the GraphQL schema can express."""

    def __init__(self, *, now: str, as_stored: bool) -> None:
        self._now = now
        self._columns = {
            transfer.table: [
                (
                    column,
                    # The server alone writes facts: older rows follow the same rules.
                    _as_stored(column)
                    if as_stored and transfer.table is not FACTS
                    else _validator(transfer.table, column),
                )
                for column in transfer.table.columns.values()
            ]
            for transfer in TRANSFERS
        }

    def check(self, transfer: Transfer, inputs: Inputs) -> CheckedRow | list[str]:
        table = transfer.table
        if table is FACTS:
            inputs = _fact_of_today(inputs)
        checks = InputChecks(inputs)
        values = [self._validate(checks, inputs, *each) for each in self._columns[table]]
        for name in inputs.keys() - table.columns.keys():
            checks.add_problem(name[:60], f"is not a column of {table.name}")
        if checks.problems:
            return [f"{'.'.join(each.path)}: {each.message}" for each in checks.problems]
        return CheckedRow(
            tuple([value if type(value) is str else stored(value) for value in values]),
            frozenset(inputs),
        )

    def _validate(
        self, checks: InputChecks, inputs: Inputs, column: Column, validator: Validator[Any]
    ) -> Any:
        if column.nullable:
            return checks.optional(column.name, validator)
        if column.name not in inputs and not is_required(column):
            return _default(column, self._now)
        return checks.required(column.name, validator)


def is_required(column: Column) -> bool:
    """Whether a row must have this column: it is not nullable and has no default."""
    return not column.nullable and _default(column, "now") is None


def _default(column: Column, now: str) -> Any:
    if column.type is column_types.INSTANT:
        return now
    return DEFAULTS.get(column.name, DEFAULT_OF_TYPE.get(column.type))
