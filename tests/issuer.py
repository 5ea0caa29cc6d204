"""An issuer of tokens: a real server of its keys, and tokens signed with them."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://auth.example.org", "chittygraph"

RSA = [rsa.generate_private_key(65_537, 2_048) for _ in range(2)]
WEAK = rsa.generate_private_key(65_537, 1_024)
EC = ec.generate_private_key(ec.SECP256R1())


def published(key: Any, key_id: str | None, **more: Any) -> dict[str, Any]:
    """The public half of a key as a JSON Web Key."""
    kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    named = {} if key_id is None else {"kid": key_id}
    return {**kind.to_jwk(key.public_key(), as_dict=True), **named, **more}


def token(
    key: Any = RSA[0],
    key_id: str | None = "one",
    algorithm: str = "RS256",
    head: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A token that is good for a minute, with these claims changed; one that is None is left out."""
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 60}
    kept = {name: value for name, value in (usual | claims).items() if value is not None}
    header = ({} if key_id is None else {"kid": key_id}) | (head or {})
    return jwt.encode(kept, key, algorithm=algorithm, headers=header)


@dataclass
class Issuer:
    """Its keys as it publishes them, and how often it was asked for them.

    `answer` makes the status, headers and body of the next answers; None is nothing, as long as the
    test goes on.
    """

    url: str
    answer: Callable[[], tuple[int, dict[str, str], bytes] | None] = lambda: None
    asked: list[str] = field(default_factory=list)
    was_asked: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def publish(self, *keys: dict[str, Any]) -> None:
        """Answer with these keys from now on."""
        self.say(json.dumps({"keys": keys}).encode())

    def say(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Answer so from now on."""
        self.answer = lambda: (status, headers, body)

    def hang(self) -> None:
        """Take every request from now on, and never answer it."""
        self.answer = lambda: None


@contextmanager
def an_issuer() -> Iterator[Issuer]:
    """A running issuer on a free port, which publishes its first key."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = False
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}/keys")
    issuer.publish(published(RSA[0], "one"))
    server.issuer = issuer  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield issuer
    finally:
        issuer.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        issuer: Issuer = self.server.issuer  # type: ignore[attr-defined]
        issuer.asked.append(self.path)
        issuer.was_asked.set()
        answer = issuer.answer()
        if answer is None:
            issuer.ended.wait()
            return
        status, headers, body = answer
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # the client had read enough

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the tests read `asked`."""
