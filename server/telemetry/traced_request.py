"""A request that belongs to a trace, or whose client asks for its timing."""

from collections.abc import Sequence

from starlette.types import Scope

from server.telemetry import operation_log, server_timing, trace_context
from server.telemetry.operation_log import OperationLog
from server.telemetry.otel import Tracer
from server.telemetry.server_timing import ServerTiming

TRACE_HEADERS = frozenset({trace_context.PARENT, trace_context.STATE, b"prefer"})
"""The headers that make a request a traced one."""


class TracedRequest:
    """The trace and timing of one request; `headers` are those of TRACE_HEADERS, `tracer` exports spans."""

    def __init__(
        self, scope: Scope, headers: Sequence[tuple[bytes, bytes]], tracer: Tracer | None
    ) -> None:
        self._scope = scope
        self._wants_timing = server_timing.is_requested(headers)
        self._timing = ServerTiming()
        self._tracer, self._span = tracer, None
        trace = trace_context.from_headers(headers)
        if tracer is not None:
            self._span, trace = tracer.start_span(scope, trace)
        self._trace = trace
        self._token = trace_context.current.set(trace)
        if self._wants_timing or tracer is not None:
            scope[operation_log.KEY].timing = self._timing

    @property
    def response_headers(self) -> list[tuple[bytes, bytes]]:
        headers = []
        if self._wants_timing:
            operation: OperationLog = self._scope[operation_log.KEY]
            usage = operation.usage
            statements = None if usage is None else usage.statements
            timing = self._timing.header(execution=operation.execution, statements=statements)
            headers.append((b"server-timing", timing))
            headers.append((b"preference-applied", server_timing.PREFERENCE))
        if self._span is not None and self._trace is not None:
            headers.append((b"traceresponse", self._trace.parent.encode()))
        return headers

    def end(self, status: int) -> None:
        trace_context.current.reset(self._token)
        if self._tracer is not None and self._span is not None:
            self._tracer.end_span(self._span, self._scope, status, self._timing)
