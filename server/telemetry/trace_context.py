"""W3C Trace Context, version 00: takes a request's trace from its caller and passes it on."""

import os
import re
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

# Sections below are those of https://www.w3.org/TR/trace-context/.
PARENT, STATE = b"traceparent", b"tracestate"
# Section 3.3.1.5: at least this many characters must be passed on; longer members are dropped first.
MAX_STATE, LONG_MEMBER = 512, 128
MAX_MEMBERS = 32  # a list of more is invalid (section 3.3.1.1)
KNOWN_FLAGS = 0b11  # sampled and, since level 2, random; others must not be passed on

# Section 3.3.1.3: a key, or the key of a tenant at a vendor, and printable characters.
_MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
)
# Section 3.2: ff is not a version, and later versions than 00 may add fields at the end.
_PARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)


@dataclass(frozen=True, slots=True)
class Trace:
    """A position in a trace: the span that is the parent of what happens next."""

    trace_id: str
    span_id: str
    flags: str
    state: str = ""

    @property
    def parent(self) -> str:
        """The value of `traceparent`."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


current: ContextVar[Trace | None] = ContextVar("trace", default=None)
"""The position of the current request in its trace, if it has one."""


def from_headers(headers: Sequence[tuple[bytes, bytes]]) -> Trace | None:
    """The trace in a request's headers, at its caller's span; None unless exactly one is valid."""
    parents = [value for name, value in headers if name == PARENT]
    match = _PARENT.fullmatch(parents[0].decode("latin-1")) if len(parents) == 1 else None
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "00" and more is not None:
        return None
    flags = f"{int(flags, 16) & KNOWN_FLAGS:02x}"
    return Trace(trace_id, span_id, flags, _state(headers))


def _state(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """The state to pass on: what fits, or nothing if a member is invalid."""
    text = b",".join(value for name, value in headers if name == STATE).decode("latin-1")
    members = [member for part in text.split(",") if (member := part.strip(" \t"))]
    keys = {member.partition("=")[0] for member in members}
    is_list = len(keys) == len(members) <= MAX_MEMBERS
    return _shortened(members) if is_list and all(map(_MEMBER.fullmatch, members)) else ""


def _shortened(members: list[str]) -> str:
    """As many members as fit: long ones are dropped first, and later ones before earlier ones."""
    while len(state := ",".join(members)) > MAX_STATE:
        long = [member for member in members if len(member) > LONG_MEMBER]
        members.remove((long or members)[-1])
    return state


def outgoing_headers(request_id: str) -> dict[str, str]:
    """The headers that continue the current trace in another service; none outside a request."""
    trace = current.get()
    if trace is None:
        # The request's own id has the form of a trace's, so the other service's logs can be found by it.
        parent = f"00-{request_id}-{os.urandom(8).hex()}-00"
        return {"traceparent": parent} if request_id else {}
    headers = {"traceparent": trace.parent}
    if trace.state:
        headers["tracestate"] = trace.state
    return headers
