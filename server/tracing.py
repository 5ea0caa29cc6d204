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
LONGEST_STATE = 512  # characters that must be passed on, and all that are (section 3.3.1.5)
KNOWN_FLAGS = 0b11  # sampled and, from level 2 on, random; no others may be passed on

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
    state = b",".join(value for name, value in headers if name == STATE).decode("latin-1")
    return Trace(
        trace_id,
        span_id,
        f"{int(flags, 16) & KNOWN_FLAGS:02x}",
        state if len(state) <= LONGEST_STATE else "",
    )


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
