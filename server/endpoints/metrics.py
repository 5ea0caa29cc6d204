"""GET /metrics: the figures of all workers, for a Prometheus on this machine or with a token."""

import hmac
from collections.abc import Iterable
from typing import Any

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from server.auth.gate import bearer
from server.graphql import operation
from server.http import compression, hosts
from server.setting_fields import variable
from server.telemetry import prometheus, worker_exchange
from server.telemetry.prometheus import MetricFamilies

PATH = "/metrics"
TEXT = "text/plain"
PASSED_ON = (
    *("forwarded", "via", "x-real-ip", "x-client-ip"),
    *("cf-connecting-ip", "true-client-ip", "fly-client-ip"),
)
ANY_PASSED_ON = "x-forwarded-"


async def metrics(request: Request) -> Response:
    """Answer a scrape, in the text format or, where that is asked for, as OpenMetrics.

    Raises HTTPError (429) for whoever guesses at the token, which is counted as other credentials are.
    """
    if not _has_token(request) and not _is_of_this_machine(request):
        raise HTTPException(
            403,
            f"figures are told to this machine, or for the token of {variable('metrics_token')}",
        )
    app = request.app
    families = [*_own(app), *prometheus.database_metrics(app.db.statistics())]
    for text in await worker_exchange.collect():
        families += text_string_to_metric_families(text.decode())
    body, content_type = MetricFamilies(prometheus.merge(families)).encode(
        request.headers.get("accept", "")
    )
    headers = {"content-type": content_type, "cache-control": "no-store"}
    return await compression.response(request, body, content_type, headers)


def of_this_worker(app: Any) -> bytes:
    """The figures of this worker, for the one that answers a scrape."""
    return MetricFamilies(_own(app)).encode(TEXT)[0]


def _own(app: Any) -> Iterable[Metric]:
    return prometheus.process_metrics(
        app.metrics, app.roads, app.db.statistics(), worker_exchange.worker_number()
    )


def _has_token(request: Request) -> bool:
    token, gate = str(request.app.settings.metrics_token), request.app.gate
    given = bearer(request.headers.get("authorization", ""))
    if not token or not given:
        return False
    address = operation.address_of(request.scope)
    if gate is not None:
        gate.check_failures(address)
    if hmac.compare_digest(given.encode(), token.encode()):
        return True
    if gate is not None:
        gate.record_failure(address, "not the token of the figures")
    return False


def _is_of_this_machine(request: Request) -> bool:
    """Whether a client is on this machine itself, and not only its proxy or its browser's page is."""
    if any(name in PASSED_ON or name.startswith(ANY_PASSED_ON) for name in request.headers):
        return False
    if hosts.untrusted_host(request.scope["headers"]) is not None:
        return False
    return request.client is not None and hosts.is_loopback(request.client.host)
