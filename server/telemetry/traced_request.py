"""A request that is looked at more closely: one that belongs to a trace, or asks for its timing."""

from collections.abc import Sequence

from starlette.types import Scope

from server.telemetry import server_timing, trace_context
from server.telemetry.otel import Spans
from server.telemetry.server_timing import Phases

ASKING = frozenset({trace_context.PARENT, trace_context.STATE, b"prefer"})
"""The headers that make a request one to watch."""


class Watched:
    """What is noted of one request, from its headers of ASKING; `spans` exports it where it is given."""

    def __init__(
        self, scope: Scope, headers: Sequence[tuple[bytes, bytes]], spans: Spans | None
    ) -> None:
        self._scope = scope
        self._is_asked = server_timing.are_asked(headers)
        self._phases = Phases()
        self._spans, self._span = spans, None
        trace = trace_context.received(headers)
        if spans is not None:
            self._span, trace = spans.begin(scope, trace)
        self._trace = trace
        self._token = trace_context.current.set(trace)
        if self._is_asked or spans is not None:
            scope["chittygraph.phases"] = self._phases

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What the answer says of it."""
        found = []
        if self._is_asked:
            found.append((b"server-timing", self._phases.header()))
            found.append((b"preference-applied", server_timing.ASKING))
        if self._span is not None and self._trace is not None:
            found.append((b"traceresponse", self._trace.parent.encode()))
        return found

    def end(self, status: int) -> None:
        """The request is over."""
        trace_context.current.reset(self._token)
        if self._spans is not None and self._span is not None:
            self._spans.end(self._span, self._scope, status, self._phases)
