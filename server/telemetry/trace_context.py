"""W3C Trace Context: the trace that a request belongs to, taken from its caller and passed on.

https://www.w3.org/TR/trace-context/, version 00. Where no spans are exported this service passes a
trace through. A request that comes without one begins a trace under its own id, which has the form of
a trace id, so that what is asked of others for its sake can be found by it.
"""

import os
import re
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

PARENT, STATE = b"traceparent", b"tracestate"
# Section 3.3.1.5: how many characters must be passed on, and are, and which members go first.
LONGEST_STATE, LONG_MEMBER = 512, 128
MOST_MEMBERS = 32  # a list of more is not well formed (section 3.3.1.1)
KNOWN_FLAGS = 0b11  # sampled and, from level 2 on, random; no others may be passed on

# Section 3.3.1.3: a key, or the key of a tenant at a vendor, and printable characters.
_MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
)
# Section 3.2: ff is no version, and one after 00 may say more behind what is known.
_PARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)


@dataclass(frozen=True, slots=True)
class Trace:
    """A place in a trace: the span that what is done next belongs to."""

    trace_id: str
    span_id: str
    flags: str
    state: str = ""

    @property
    def parent(self) -> str:
        """The value of `traceparent` for what is done next."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


current: ContextVar[Trace | None] = ContextVar("trace", default=None)
"""Where the request that is being answered is in its trace, if it has one."""


def received(headers: Sequence[tuple[bytes, bytes]]) -> Trace | None:
    """The trace that a request's headers name, at its caller's span.

    None where there is none, or not exactly one that is well formed: its state is then ignored too.
    """
    parents = [value for name, value in headers if name == PARENT]
    found = _PARENT.fullmatch(parents[0].decode("latin-1")) if len(parents) == 1 else None
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "00" and more is not None:
        return None
    flags = f"{int(flags, 16) & KNOWN_FLAGS:02x}"
    return Trace(trace_id, span_id, flags, _state(headers))


def _state(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """The state as it goes on: what fits of it, or nothing where a part is not well formed."""
    given = b",".join(value for name, value in headers if name == STATE).decode("latin-1")
    members = [member for part in given.split(",") if (member := part.strip(" \t"))]
    keys = {member.partition("=")[0] for member in members}
    is_list = len(keys) == len(members) <= MOST_MEMBERS
    return _shortened(members) if is_list and all(map(_MEMBER.fullmatch, members)) else ""


def _shortened(members: list[str]) -> str:
    """As many members as fit: the long ones go first, then any, the last of them before the others."""
    while len(state := ",".join(members)) > LONGEST_STATE:
        long = [member for member in members if len(member) > LONG_MEMBER]
        members.remove((long or members)[-1])
    return state


def outgoing(request_id: str) -> dict[str, str]:
    """The headers that take the present request, by its id, to another service; none outside of one."""
    trace = current.get()
    if trace is None:
        begun = f"00-{request_id}-{os.urandom(8).hex()}-00"
        return {"traceparent": begun} if request_id else {}
    headers = {"traceparent": trace.parent}
    if trace.state:
        headers["tracestate"] = trace.state
    return headers
