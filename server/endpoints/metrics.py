"""GET /metrics: the metrics of all workers, for a Prometheus on this machine or with a token."""

import hmac
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from db.commands import kept_answers
from db.errors import EngineError, Unavailable
from db.history import checkpoint
from db.program import Program
from db.queries import outgoing_webhooks
from server.auth.gate import bearer
from server.http import compression, hosts
from server.service import Service
from server.setting_fields import variable
from server.telemetry import worker_exchange

if TYPE_CHECKING:
    from prometheus_client.core import Metric

T = TypeVar("T")

PATH = "/metrics"
TEXT = "text/plain"
PROXY_HEADERS = (
    *("forwarded", "via", "x-real-ip", "x-client-ip"),
    *("cf-connecting-ip", "true-client-ip", "fly-client-ip"),
)
PROXY_HEADER_PREFIX = "x-forwarded-"


async def metrics(request: Request) -> Response:
    """Answer in Prometheus' text format, or in OpenMetrics if the client accepts it.

    Raises HTTPException (403) for a client on another machine without the token, and HTTPError (429) for
    too many wrong tokens, which count like other failed credentials.
    """
    service: Service = request.app.service
    if not _has_token(request, service) and not _is_local(request):
        raise HTTPException(
            403,
            f"metrics are for clients on this machine, or with the token of {variable('metrics_token')}",
        )
    # Loaded by the first scrape: a start need not wait for it.
    from prometheus_client.parser import text_string_to_metric_families

    from server.telemetry import prometheus

    families = [
        *prometheus.build_metrics(),
        *_own_metrics(service),
        *await _database_metrics(service),
    ]
    for text in await worker_exchange.collect():
        families += text_string_to_metric_families(text.decode())
    body, content_type = prometheus.MetricFamilies(prometheus.merge(families)).encode(
        request.headers.get("accept", "")
    )
    headers = {"content-type": content_type, "cache-control": "no-store"}
    return await compression.response(request, body, content_type, headers)


async def _database_metrics(service: Service) -> "Iterable[Metric]":
    """The metrics that all workers share; those of what cannot be read now are left out."""
    from server.telemetry import prometheus

    statistics = service.db.statistics()
    history = await _read(service, checkpoint.growth(), few=True)
    figures = await _read(service, outgoing_webhooks.figures(), few=True)
    answers = None
    # It counts rows, which would take the event loop too long. Whoever waits for a reader that others use
    # stops one of them, which a scrape must not.
    if statistics.readers_in_use < statistics.readers:
        answers = await _read(service, kept_answers.count())
    return (
        *prometheus.database_metrics(statistics, answers),
        *(() if service.replica is None else prometheus.replica_metrics(service.replica.lag)),
        *(() if history is None else prometheus.history_metrics(history)),
        *(() if figures is None else prometheus.webhook_metrics(figures, time.time())),
    )


async def _read(service: Service, program: Program[T], *, few: bool = False) -> T | None:
    try:
        return await service.db.read(program, few=few)
    except (EngineError, Unavailable):  # the other metrics tell why
        return None


def worker_metrics(service: Service) -> bytes:
    """The metrics of this worker, for the worker that answers."""
    from server.telemetry.prometheus import MetricFamilies

    return MetricFamilies(_own_metrics(service)).encode(TEXT)[0]


def _own_metrics(service: Service) -> "Iterable[Metric]":
    from server.telemetry import prometheus

    executor, database = service.operations.executor, service.db.statistics()
    worker, dispatcher = worker_exchange.worker_number(), service.dispatcher
    yield from prometheus.process_metrics(
        service.metrics, service.admission.lanes, executor, database, worker
    )
    if dispatcher is not None:
        yield from prometheus.attempt_metrics(dispatcher.deliverer.attempts, worker)


def _has_token(request: Request, service: Service) -> bool:
    token, gate = str(service.settings.metrics_token), service.operations.gate
    sent = bearer(request.headers.get("authorization", ""))
    if not token or not sent:
        return False
    address = service.operations.client_address(request.scope)
    if gate is not None:
        gate.check_failures(address)
    if hmac.compare_digest(sent.encode(), token.encode()):
        return True
    if gate is not None:
        gate.record_failure(address, "not the metrics token")
    return False


def _is_local(request: Request) -> bool:
    """Whether the client itself is on this machine, not just its proxy or a browser with a foreign page."""
    if any(
        name in PROXY_HEADERS or name.startswith(PROXY_HEADER_PREFIX) for name in request.headers
    ):
        return False
    if hosts.untrusted_host(request.scope["headers"]) is not None:
        return False
    return request.client is not None and hosts.is_loopback(request.client.host)
