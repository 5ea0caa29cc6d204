"""A request in one short line, for people: method, path, operation, status, time, client and code."""

from collections.abc import Mapping
from typing import Any

from server.telemetry.terminal import Terminal

EVENTS = frozenset({"request answered", "operation answered"})
WHAT_COLUMNS = 44  # for method, path and operation, so that what follows stands in columns
CUT = "…"


def text(fields: Mapping[str, Any], terminal: Terminal, columns: int) -> str:
    """The line, in at most so many columns; `fields` are those of its event, without line breaks."""
    status, code = fields.get("status", ""), _code(fields)
    after = f" {status:>3} {_milliseconds(fields['ms']):>7} ms  {fields.get('client', '')}"
    space = max(columns - len(after) - len(f" {code}" if code else ""), 0)
    # An operation on a WebSocket has neither; a space in a path would let it imitate what follows.
    method, path = fields.get("method", "WS"), fields.get("path", "").replace(" ", "%20")
    what = " ".join(filter(None, (f"{method:4}", path, fields.get("operation", ""))))
    if len(what) > space:
        what = f"{what[: max(space - 1, 0)]}{CUT}"
    line = f"{what:{min(space, WHAT_COLUMNS)}}"
    painted = f"{line} {terminal.paint(f'{status:>3}', _colour(status, code))}"
    rest = after[len(f" {status:>3}") :]
    return f"{painted}{rest}{f' {terminal.paint(code, _colour(status, code))}' if code else ''}"


def _milliseconds(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _code(fields: Mapping[str, Any]) -> str:
    """Why it failed or was refused; empty for a success."""
    outcome = fields.get("outcome", "ok")
    return str(fields.get("code") or ("" if outcome == "ok" else outcome))


def _colour(status: Any, code: str) -> str:
    if status == 0 or (isinstance(status, int) and status >= 500) or code == "failed":
        return "red"
    return "yellow" if code else "green"
