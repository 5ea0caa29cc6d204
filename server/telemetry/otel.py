"""Spans of requests, exported to an OpenTelemetry collector where one is configured.

OpenTelemetry is an extra (`otel`): without a collector it is neither needed nor imported. What the
standard `OTEL_*` variables say, such as of sampling and of headers, is read by that library itself.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from resolvers.validation import secrets
from server.settings import Settings
from server.telemetry.counters import LONGEST_NAME, operation
from server.telemetry.server_timing import Phases
from server.telemetry.trace_context import Trace

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

SERVICE = "chittygraph"
EXPORT_SECONDS = 3
TRACES = "/v1/traces"


class Spans:
    """Makes a span of each request, with one inside for each of its phases."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._tracer = provider.get_tracer(SERVICE)

    def begin(self, connection: Mapping[str, Any], caller: Trace | None) -> "tuple[Span, Trace]":
        """A span for a request, in its caller's trace or one of its own, and where that is."""
        from opentelemetry import trace

        span = self._tracer.start_span(
            connection["method"], _context(caller), kind=trace.SpanKind.SERVER
        )
        made = span.get_span_context()
        return span, Trace(
            trace.format_trace_id(made.trace_id),
            trace.format_span_id(made.span_id),
            f"{int(made.trace_flags) & 1:02x}",
            caller.state if caller else "",
        )

    def end(self, span: "Span", connection: Mapping[str, Any], status: int, phases: Phases) -> None:
        """End a request's span: what it was, how it was answered, and what took how long."""
        from opentelemetry import trace

        inside = trace.set_span_in_context(span)
        for name, began, ended in phases.ended:
            phase = self._tracer.start_span(name, inside, start_time=phases.started + began)
            phase.end(phases.started + ended)
        span.set_attributes(_attributes(connection, status))
        if "chittygraph.document" in connection:
            span.update_name(f"GraphQL {_name(connection)}")
        if status >= 500 or not status:
            span.set_status(trace.StatusCode.ERROR)
        span.end()


@asynccontextmanager
async def exporting(settings: Settings) -> AsyncIterator[Spans | None]:
    """Spans that go to the settings' collector until the block ends; None without one."""
    if not settings.otlp_url:
        yield None
        return
    provider = _provider(settings.otlp_url)
    try:
        yield Spans(provider)
    finally:
        await asyncio.to_thread(provider.shutdown)


def _provider(url: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = Resource.create({SERVICE_NAME: SERVICE}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named, shutdown_on_exit=False)
    endpoint = url.rstrip("/").removesuffix(TRACES) + TRACES
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS))
    )
    return provider


def _context(caller: Trace | None) -> Any:
    from opentelemetry import context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    if caller is None:
        return context.Context()
    carrier = {"traceparent": caller.parent, "tracestate": caller.state}
    return TraceContextTextMapPropagator().extract(carrier, context.Context())


def _name(connection: Mapping[str, Any]) -> str:
    return secrets.redact(operation(connection)[:LONGEST_NAME])


def _attributes(connection: Mapping[str, Any], status: int) -> dict[str, Any]:
    """By OpenTelemetry's semantic conventions where these have a name for it."""
    found = {
        "http.request.method": connection["method"],
        "http.response.status_code": status,
        "url.scheme": connection["scheme"],
    }
    if "chittygraph.document" in connection:
        found["graphql.operation.name"] = _name(connection)
        found["chittygraph.document"] = connection["chittygraph.document"]
    spent = connection.get("chittygraph.spent")
    if spent is not None:
        found["chittygraph.statements"], found["chittygraph.rows"] = spent.statements, spent.rows
    return found
