"""GET /metrics: the figures of all workers, for a Prometheus on this machine or with a token."""

import hmac
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
PASSED_ON = (
    *("forwarded", "via", "x-real-ip", "cf-connecting-ip"),
    *("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"),
)


async def metrics(request: Request) -> Response:
    """Answer a scrape, in the text format or, where that is asked for, as OpenMetrics."""
    if not _may_look(request):
        raise HTTPException(
            403, "figures are told to this machine, or for the token of CHITTYGRAPH_METRICS_TOKEN"
        )
    app = request.app
    families = [*_own(app), *exposition.of_database(app.db)]
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
    return exposition.of_process(app.metrics, app.roads, app.db.load(), siblings.number())


def _may_look(request: Request) -> bool:
    """Whether a client has the token, or is on this machine itself and not only its proxy is."""
    token = str(request.app.settings.metrics_token)
    given = request.headers.get("authorization", "")
    if token and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return True
    if any(header in request.headers for header in PASSED_ON):
        return False
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
