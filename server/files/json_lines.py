"""JSON Lines: one object per line, of which `type` says what row it is."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from db.model import strict_json
from resolvers.import_rules import SourceRow

TYPE = "type"


def spelt(type_name: str, values: Mapping[str, Any]) -> str:
    """The one spelling of a row, with its line end: the type, then its columns in declared order."""
    return compact({TYPE: type_name, **values}) + "\n"


def compact(value: Any) -> str:
    """JSON without spaces, in characters rather than escapes."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def read(lines: Iterable[tuple[int, str]], type_name: str | None) -> Iterator[SourceRow]:
    """The rows in these lines, blank ones left out; `type_name` is of those that do not say theirs."""
    for number, line in lines:
        if line.strip():
            yield _entry(number, line, type_name)


def _entry(number: int, line: str, type_name: str | None) -> SourceRow:
    try:
        found = strict_json.parse(line)
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError) and not line.endswith("\n"):
            return SourceRow(
                number, fault="the file ends in the middle of this line: copy it again"
            )
        return SourceRow(number, fault=explained(error))
    if not isinstance(found, dict):
        return SourceRow(number, fault=f'must be a JSON object, as {{"{TYPE}":"actors", …}}')
    said = found.pop(TYPE, type_name)
    if said is None:
        return SourceRow(
            number, fault=f'has no "{TYPE}": add it, or say with --type what all lines are'
        )
    if type_name not in (None, said):
        return SourceRow(number, fault=f'has another "{TYPE}" than --type says, {type_name}')
    return SourceRow(number, said, found)


def explained(error: ValueError) -> str:
    """What `strict_json.parse` found wrong, for people."""
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON at character {error.pos + 1}: {error.msg.lower()}"
    if isinstance(error, strict_json.RepeatedKey):
        return f"has the key {error.key!r} twice: leave one of them out"
    return str(error)
