"""Values as they travel to D1 and back, in JSON: only those that arrive as they were sent."""

import json
from typing import Any

from db.errors import EngineLimit, ErrorCode, Problem, Refused
from db.program import Value
from db.remote.d1.limits import ENGINE, LARGEST_INTEGER, VALUE_BYTES
from db.remote.d1.statements import Prepared
from db.remote.transport import Bound


class InexactInteger(Exception):
    """A number of an answer that may be another one than the stored number."""

    def __init__(self, digits: str) -> None:
        super().__init__(
            f"{ENGINE} gives integers beyond 2^53 inexactly: a value near {digits} cannot be read"
        )


def parameters(bound: Bound, prepared: Prepared, *, write: bool) -> list[str]:
    """The JSON text of the values that the statement has names for.

    Raises EngineLimit for what D1 cannot hold, or Refused for an integer that is to be written.
    """
    if not prepared.names:
        return []
    values = {name: _checked(bound.bind[name], write=write) for name in sorted(prepared.names)}
    text = json.dumps(values, ensure_ascii=False)
    # Lone surrogates, which are no characters, become an escape.
    if len(text.encode(errors="backslashreplace")) > VALUE_BYTES:
        raise EngineLimit(f"{ENGINE} takes at most {VALUE_BYTES:,} bytes of values in a statement")
    return [text]


def _checked(value: Value, *, write: bool) -> Value:
    if isinstance(value, bytes):
        raise EngineLimit(f"{ENGINE} takes no BLOBs here")
    if isinstance(value, float) and value - value != 0:
        raise EngineLimit(f"{ENGINE} takes no infinite numbers")
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        message = f"{value} is beyond 2^53 - 1, up to which {ENGINE} keeps integers exactly"
        if write:
            raise Refused([Problem(ErrorCode.INVALID, (), message)])
        raise EngineLimit(message)
    return value


def parse(body: bytes) -> Any:
    """The JSON of an answer; raises ValueError for what is none, and InexactInteger."""
    return json.loads(body, parse_int=_integer, object_hook=_blob)


def _integer(digits: str) -> int:
    integer = int(digits)
    if abs(integer) > LARGEST_INTEGER:
        raise InexactInteger(digits)
    return integer


def _blob(members: dict[str, Any]) -> Any:
    return bytes.fromhex(members["blob"]) if members.keys() == {"blob"} else members
