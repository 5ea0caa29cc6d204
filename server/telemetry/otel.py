"""Exports spans of requests to an OpenTelemetry collector, if one is configured.

OpenTelemetry (the extra `otel`) is only imported then. It reads its own `OTEL_*` variables itself.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.types import Scope

from resolvers.validation import secrets
from server.settings import Settings
from server.telemetry.counters import MAX_NAME_CHARACTERS, operation_label
from server.telemetry.operation_log import KEY, OperationLog
from server.telemetry.server_timing import ServerTiming
from server.telemetry.trace_context import Trace

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

SERVICE_NAME = "chittygraph"
EXPORT_SECONDS = 3
TRACES_PATH = "/v1/traces"


class Tracer:
    """Makes a span of each request, with a child span for each of its phases."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._tracer = provider.get_tracer(SERVICE_NAME)

    def start_span(self, scope: Scope, caller: Trace | None) -> "tuple[Span, Trace]":
        """A span of a request, in its caller's trace or a new one, and its place in that trace."""
        from opentelemetry import trace

        span = self._tracer.start_span(
            scope["method"], _parent_context(caller), kind=trace.SpanKind.SERVER
        )
        context = span.get_span_context()
        return span, Trace(
            trace.format_trace_id(context.trace_id),
            trace.format_span_id(context.span_id),
            f"{int(context.trace_flags) & 1:02x}",
            caller.state if caller else "",
        )

    def end_span(self, span: "Span", scope: Scope, status: int, timing: ServerTiming) -> None:
        from opentelemetry import trace

        context = trace.set_span_in_context(span)
        for name, start, end in timing.phases:
            child = self._tracer.start_span(name, context, start_time=timing.started_at + start)
            child.end(timing.started_at + end)
        log: OperationLog = scope[KEY]
        span.set_attributes(_attributes(scope, log, status))
        if log.document is not None:
            span.update_name(f"GraphQL {_operation_name(log)}")
        if status >= 500 or not status:
            span.set_status(trace.StatusCode.ERROR)
        span.end()


@asynccontextmanager
async def open_tracer(settings: Settings) -> AsyncIterator[Tracer | None]:
    """A tracer that exports until the block ends; None without a collector."""
    if not settings.otlp_url:
        yield None
        return
    provider = _provider(settings.otlp_url)
    try:
        yield Tracer(provider)
    finally:
        await asyncio.to_thread(provider.shutdown)


def _provider(url: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk import resources
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = resources.Resource.create({resources.SERVICE_NAME: SERVICE_NAME})
    resource = resource.merge(resources.OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    endpoint = url.rstrip("/").removesuffix(TRACES_PATH) + TRACES_PATH
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS))
    )
    return provider


def _parent_context(caller: Trace | None) -> Any:
    from opentelemetry import context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    if caller is None:
        return context.Context()
    carrier = {"traceparent": caller.parent, "tracestate": caller.state}
    return TraceContextTextMapPropagator().extract(carrier, context.Context())


def _operation_name(log: OperationLog) -> str:
    return secrets.redact(operation_label(log)[:MAX_NAME_CHARACTERS])


def _attributes(scope: Scope, log: OperationLog, status: int) -> dict[str, Any]:
    """Named as in OpenTelemetry's semantic conventions, where these have a name."""
    attributes = {
        "http.request.method": scope["method"],
        "http.response.status_code": status,
        "url.scheme": scope["scheme"],
    }
    if log.document is not None:
        attributes["graphql.operation.name"] = _operation_name(log)
        attributes["chittygraph.document"] = log.document
    if log.usage is not None:
        attributes["chittygraph.statements"] = log.usage.statements
        attributes["chittygraph.rows"] = log.usage.rows
    return attributes
