"""Gives each request its turn when its head has arrived, and answers at once those that get none.

Refusing is the work that is left when there is too much, so it must cost little. A request with the same head
as one that was refused before is not parsed. Clients who ask again at once are not read all the time, so that
most of the time is left for requests that have their turn.
"""

import time
from asyncio import TimerHandle
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Protocol, cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from server.http import admission, cors
from server.http.admission import REFUSAL_BODY, REFUSAL_HEADERS, Admission
from server.http.cors import CORS, NOTHING
from server.http.turns import Client, Headers
from server.transport import whole_response
from server.transport.http_protocol import HTTPProtocol
from server.transport.timeouts import ClientLimits

END_OF_HEAD = b"\r\n\r\n"
CLOSE = (b"connection", b"close")
MOST_KNOWN_HEADS, MAX_KNOWN_BYTES = 1_000, 2_000
# What refusals may take of each window of time before clients rest, and of all time.
WINDOW_SECONDS, REFUSING_SHARE = 0.02, 0.25
LONGEST_REFUSAL = 0.001  # if it took longer, other processes had the CPU
SHORTEST_REST = 0.001
AVERAGED = 100  # refusals, for the time that one usually takes


@lru_cache(256)
def _head(status: int, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return STATUS_LINE[status] + lines + b"\r\n"


class App(Protocol):
    """What uvicorn is given to serve."""

    admission: Admission
    cors: CORS


@dataclass(frozen=True, slots=True)
class KnownHead:
    """What the parser found in the head of a request that was refused."""

    path: str
    headers: Headers
    body_bytes: int
    status: int
    response: bytes


class AdmissionProtocol(HTTPProtocol):
    """One client's connection."""

    def __init__(
        self,
        refusals: "Refusals",
        limits: ClientLimits,
        websocket_path: str,
        root_path: str,
        **uvicorn_arguments: Any,
    ) -> None:
        super().__init__(limits, websocket_path, root_path, **uvicorn_arguments)
        app = cast(App, self.app)
        self._admission, self._cors = app.admission, app.cors
        self._refusals = refusals
        self._read_at = 0.0
        self._new_head = b""  # of the request that the present read begins with

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._refusals.resting.pop(self, None)

    def data_received(self, data: bytes) -> None:
        self._read_at = time.perf_counter()
        # While none wait, none are refused.
        if self._admission.requests.waiting and self._is_between_requests:
            head = data[: data.find(END_OF_HEAD) + len(END_OF_HEAD)]
            known = self._refusals.known_heads.get(head)
            if known is None:
                self._new_head = head
            elif len(data) == len(head) + known.body_bytes and self._refuses(known):
                return
        super().data_received(data)
        self._new_head = b""

    @property
    def _is_between_requests(self) -> bool:
        has_begun = self.headers is not None  # the first one
        return not self.is_rejecting and ((self._is_idle and self._is_complete) or not has_begun)

    def _refuses(self, known: KnownHead) -> bool:
        """Refuse a request whose head has been parsed before, unless it may have a turn."""
        client: Client = self.client
        if self.flow.write_paused or not self._admission.lane(known.path).refuses(
            client, known.headers
        ):
            return False
        self.transport.write(known.response)
        self._cancel_receive_timer()  # that of the connection's first request
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
        self._count_refusal(known.path, known.status)
        return True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        scope: Any = cycle.scope
        new_head, self._new_head = self._new_head, b""  # others may follow in the same read
        turn = self._admission.arrive(scope)
        if turn.is_refused and not self.flow.write_paused:
            self._active = cycle
            self._refuse(cycle, new_head)
        else:  # the application refuses a client that does not read, and waits for it
            scope[admission.KEY] = turn
            super()._start_asgi_task(cycle, app)

    def _refuse(self, cycle: RequestResponseCycle, new_head: bytes) -> None:
        # Without its 100, a client may leave the body out: nobody knows what comes next.
        stays_open = cycle.keep_alive and not cycle.waiting_for_100_continue
        status, response = self._refusal(cycle.scope, () if stays_open else (CLOSE,))
        self.transport.write(response)
        if not stays_open:
            self._close_after_response()
        elif new_head:
            self._refusals.learn(new_head, cycle, status, response)
        whole_response.finish(cycle)
        self._count_refusal(cycle.scope["path"], status)  # last: the others read on

    def _refusal(self, scope: Any, connection: Headers) -> tuple[int, bytes]:
        """The status and the whole response of a request without a turn."""
        for_page = self.headers_for_page(scope)
        if cors.is_preflight(scope, for_page):  # else its page could not read that it is refused
            return 204, _head(204, (*for_page, *cors.PREFLIGHT_HEADERS, *connection))
        body = b"" if scope["method"] == "HEAD" else REFUSAL_BODY
        return 503, _head(503, (*REFUSAL_HEADERS, *for_page, *connection)) + body

    def _count_refusal(self, path: str, status: int) -> None:
        self._admission.metrics.record_refusal(path, status)
        now = time.perf_counter()
        self._refusals.took(min(now - self._read_at, LONGEST_REFUSAL), self)
        self._read_at = now  # of the next one in the same read

    def headers_for_page(self, scope: Any) -> Headers:
        return (
            NOTHING
            if scope is None
            else self._cors.headers(scope.get("path", ""), scope["headers"])
        )

    def rest(self) -> None:
        if not self.transport.is_closing():
            self.flow.pause_reading()

    def read_on(self) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()


class Refusals:
    """What the connections of one worker share to refuse requests."""

    def __init__(self) -> None:
        self.known_heads: dict[bytes, KnownHead] = {}
        self._since = self._seconds = 0.0  # of the present window, and spent in it on refusals
        self.resting: dict[AdmissionProtocol, None] = {}  # the one who rests longest first
        self._usual = 0.0  # seconds that a refusal takes, lately
        self._timer: TimerHandle | None = None

    def learn(self, head: bytes, cycle: RequestResponseCycle, status: int, response: bytes) -> None:
        """Remember a head whose request's length it says without doubt."""
        headers = list(cycle.scope["headers"])
        lengths = [value for name, value in headers if name == b"content-length"]
        is_plain = (
            head[:1].isalpha()
            and len(head) <= MAX_KNOWN_BYTES
            and head.count(b"\n") == head.count(b"\r\n") == len(headers) + 2
            and all(name not in (b"transfer-encoding", b"upgrade") for name, _ in headers)
            and len(lengths) <= 1
            and all(length.isdigit() for length in lengths)
        )
        if is_plain:
            if len(self.known_heads) >= MOST_KNOWN_HEADS:
                self.known_heads.clear()
            body_bytes = int(lengths[0]) if lengths else 0
            known = KnownHead(cycle.scope["path"], headers, body_bytes, status, response)
            self.known_heads[head] = known

    def took(self, seconds: float, client: AdmissionProtocol) -> None:
        """Account for the refusal of a client's request, after which the client may have to rest."""
        now = time.perf_counter()
        if not self.resting and now - self._since > WINDOW_SECONDS:
            self._since, self._seconds = now, 0.0
        self._seconds += seconds
        self._usual += (seconds - self._usual) / AVERAGED
        if self.resting or self._seconds > REFUSING_SHARE * WINDOW_SECONDS:
            client.rest()
            self.resting[client] = None
            if self._timer is None:
                self._set_timer(client.loop, now)

    def _set_timer(self, loop: Any, now: float) -> None:
        rest = max(self._since + self._seconds / REFUSING_SHARE - now, SHORTEST_REST)
        self._timer = loop.call_later(rest, self._end_rests, loop)

    def _end_rests(self, loop: Any) -> None:
        """Let as many read on as a window has time to refuse: all at once would hold up everyone else."""
        self._timer = None
        now = time.perf_counter()
        if self._since + self._seconds / REFUSING_SHARE > now + SHORTEST_REST:
            self._set_timer(loop, now)
            return
        self._since, self._seconds = now, 0.0
        most = max(1, int(REFUSING_SHARE * WINDOW_SECONDS / (self._usual or LONGEST_REFUSAL)))
        for client in list(islice(self.resting, most)):
            del self.resting[client]
            client.read_on()
        if self.resting:
            self._timer = loop.call_later(WINDOW_SECONDS, self._end_rests, loop)
