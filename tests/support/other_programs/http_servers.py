"""HTTP servers for tests: real ones, each on a free port of this machine."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

T = TypeVar("T")


class Handler(BaseHTTPRequestHandler):
    """Answers for `service`, which the server was started with; says nothing on stderr."""

    def answer(self) -> None:
        """Answer one request, whatever its method."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """A GET came."""
        self.answer()

    def do_POST(self) -> None:
        """A POST came."""
        self.answer()

    @property
    def sent(self) -> bytes:
        """The request's body."""
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    @property
    def service(self) -> Any:
        """What `serving` was given."""
        return self.server.service  # type: ignore[attr-defined]

    def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Send an answer, to a client that may have read enough already."""
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # of the usual five, connections are reset when more come at once
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer a client, over TLS if it is to be; one that breaks off is gone."""
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with suppress(OSError), self.tls.wrap_socket(request, server_side=True) as over_tls:
            super().finish_request(over_tls, client_address)


@contextmanager
def serving(
    handler: type[Handler],
    make: Callable[[int], T],
    ended: Callable[[T], None] = lambda _: None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[T]:
    """What `make` makes of the port of a running server; `ended` frees whoever still waits for it."""
    server = _Server(("127.0.0.1", 0), handler)
    server.tls = tls
    server.daemon_threads = False
    server.service = service = make(server.server_port)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield service
    finally:
        ended(service)
        server.shutdown()
        thread.join()
        server.server_close()
