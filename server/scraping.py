"""GET /metrics: the figures of all workers, for a Prometheus on this machine."""

import ipaddress
from collections.abc import Iterable
from typing import Any

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from server import exposition, siblings
from server.exposition import Figures

PATH = "/metrics"
TEXT = "text/plain"
PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip")


async def metrics(request: Request) -> Response:
    """Answer a scrape, in the text format or, where that is asked for, as OpenMetrics."""
    if not _may_look(request):
        raise HTTPException(403, "figures are told to this machine only: scrape them from here")
    app = request.app
    families = [*_own(app), *exposition.of_database(app.state.db)]
    for text in await siblings.told():
        families += text_string_to_metric_families(text.decode())
    body, content_type = Figures(exposition.merged(families)).written(
        request.headers.get("accept", "")
    )
    return Response(body, headers={"content-type": content_type, "cache-control": "no-store"})


def for_siblings(app: Any) -> bytes:
    """The figures of this worker, for the one that answers a scrape."""
    return Figures(_own(app)).written(TEXT)[0]


def _own(app: Any) -> Iterable[Metric]:
    state = app.state
    return exposition.of_process(app.metrics, state.roads, state.db.load(), siblings.number())


def _may_look(request: Request) -> bool:
    """Whether a client is on this machine itself, and not only the proxy that it came through."""
    if any(header in request.headers for header in PASSED_ON):
        return False
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
