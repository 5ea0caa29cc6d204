"""JSON Lines: one object per line, whose `type` names the type of the row."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from db.model import strict_json
from db.model.strict_json import INT64_MAX, INT64_MIN
from resolvers.import_rules import SourceRow

TYPE = "type"
NO_ROWS = b"\n"


def encode(type_name: str, values: Mapping[str, Any]) -> str:
    return compact({TYPE: type_name, **values}) + "\n"


def compact(value: Any) -> str:
    """JSON without spaces, and with characters instead of escapes."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def read(lines: Iterable[tuple[int, str]], type_name: str | None) -> Iterator[SourceRow]:
    """The rows in these lines, without blank ones; `type_name` is the type of lines without one."""
    for number, line in lines:
        if line.strip():
            yield _row(number, line, type_name)


def _row(number: int, line: str, type_name: str | None) -> SourceRow:
    try:
        values = strict_json.parse_row(line)
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError) and not line.endswith("\n"):
            return SourceRow(
                number, fault="the file ends in the middle of this line: copy it again"
            )
        return SourceRow(number, fault=strict_json.describe(error))
    if not isinstance(values, dict):
        return SourceRow(number, fault=f'must be a JSON object, as {{"{TYPE}":"actors", …}}')
    for value in values.values():  # those of JSON columns are inside of it
        if type(value) is int and not INT64_MIN <= value <= INT64_MAX:
            return SourceRow(number, fault=str(strict_json.too_long(str(value))))
    own_type = values.pop(TYPE, type_name)
    if own_type is None:
        return SourceRow(
            number, fault=f'has no "{TYPE}": add it, or set the type of all lines with --type'
        )
    if type_name not in (None, own_type):
        return SourceRow(number, fault=f'has another "{TYPE}" than --type says, {type_name}')
    return SourceRow(number, own_type, values)
