"""JSON Lines: one object per line, of which `type` says what row it is."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from db.model.column_types import INT64_MAX, INT64_MIN
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
        found = parse(line)
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


def parse(text: str) -> Any:
    """The value of JSON text; raises ValueError where a part of it would be lost or changed."""
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise ValueError("nests too deep") from None


def explained(error: ValueError) -> str:
    """What `parse` found wrong, for people."""
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON at character {error.pos + 1}: {error.msg.lower()}"
    return str(error)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise ValueError(f"has the key {twice[:60]!r} twice: leave one of them out")
    return found


def _whole(digits: str) -> int:
    # Counted first: Python refuses, or takes long over, numbers of thousands of digits.
    number = int(digits) if len(digits) <= len(str(INT64_MIN)) else INT64_MAX + 1
    if not INT64_MIN <= number <= INT64_MAX:
        raise ValueError(f"has the number {digits[:30]}, which needs more than 64 bits")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"has the number {digits[:30]}, which is too large")
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"has {name}, which is not JSON: leave the value out, or write null")
