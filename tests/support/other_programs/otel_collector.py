"""An OpenTelemetry collector: a real HTTP server that keeps the spans it is sent."""

from contextlib import AbstractContextManager
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.other_programs.http_servers import Handler, serving


class Collector:
    """The address of a collector, and what came to it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.paths: list[str] = []
        self.spans: list[Any] = []
        self.services: set[str] = set()

    def take(self, path: str, body: bytes) -> None:
        """Keep what one request brought."""
        self.paths.append(path)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.services.add(named["service.name"])
            self.spans += [span for ctx in resource.scope_spans for span in ctx.spans]


def collecting() -> AbstractContextManager[Collector]:
    """A running collector on a free port."""
    return serving(_Handler, Collector)


class _Handler(Handler):
    def answer(self) -> None:
        body = self.sent
        if self.headers.get("content-encoding"):
            self.reply(415, {}, b"")
            return
        self.service.take(self.path, body)
        self.reply(200, {"Content-Type": "application/x-protobuf"}, b"")
