"""Admission control: every request takes its turn, in a lane that depends on its path."""

from collections.abc import Callable, Iterable
from contextlib import suppress

import orjson
from starlette.types import Receive, Scope, Send

from server.http import errors
from server.http.turns import MESSAGE, RETRY_AFTER, Lane, ShareOf, Turn
from server.telemetry.counters import Metrics

KEY = "chittygraph.turn"  # in the scope of a request whose turn the protocol has taken
# Requests that may run for each reader, and those of them that may wait for one while more begin.
RUNNING_PER_READER, WAITING_PER_READER = 4, 2
MOST_PROBES = 16

REFUSAL_BODY = orjson.dumps(errors.body(503, MESSAGE))
REFUSAL_HEADERS = (
    (b"content-type", b"application/json; charset=utf-8"),
    (b"content-length", b"%d" % len(REFUSAL_BODY)),
    (b"retry-after", b"%d" % RETRY_AFTER),
)


class Admission:
    """The lanes of one worker. Requests for the paths of `probes` wait for no others."""

    def __init__(
        self, wait_seconds: float, readers: int, probes: Iterable[str], metrics: Metrics
    ) -> None:
        self.metrics = metrics
        self.requests = Lane(wait_seconds, always=RUNNING_PER_READER * readers)
        self.probes = Lane(wait_seconds, always=MOST_PROBES, most=MOST_PROBES)
        self._readers = readers
        self._lanes = dict.fromkeys(probes, self.probes)

    def serve(self, share_of: ShareOf, reads_waiting: Callable[[], int]) -> None:
        """Share turns out like this from now on, and start no more while many reads wait."""
        most = WAITING_PER_READER * self._readers
        self.requests.share_of = share_of
        self.requests.is_backlogged = lambda: reads_waiting() >= most

    def arrive(self, scope: Scope) -> Turn:
        lane = self._lanes.get(scope["path"], self.requests)
        return lane.arrive(scope.get("client"), scope["headers"])

    def lane(self, path: str) -> Lane:
        return self._lanes.get(path, self.requests)

    @property
    def lanes(self) -> dict[str, Lane]:
        return {"requests": self.requests, "probes": self.probes}


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application for requests that get no turn."""
    prefix = "websocket.http" if scope["type"] == "websocket" else "http"
    with suppress(OSError):  # the client of a WebSocket may have left
        await send({"type": f"{prefix}.response.start", "status": 503, "headers": REFUSAL_HEADERS})
        await send({"type": f"{prefix}.response.body", "body": REFUSAL_BODY})
