"""An issuer of tokens: a real server of its keys, and tokens signed with them."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.support.other_programs.http_servers import Handler, serving
from tests.support.other_programs.token_keys import RSA

ISSUER, AUDIENCE = "https://auth.example.org", "chittygraph"


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


def an_issuer() -> AbstractContextManager[Issuer]:
    """A running issuer on a free port, which publishes its first key."""
    return serving(_Handler, _issuer_at, lambda issuer: issuer.ended.set())


def _issuer_at(port: int) -> Issuer:
    issuer = Issuer(f"http://127.0.0.1:{port}/keys")
    issuer.publish(published(RSA[0], "one"))
    return issuer


class _Handler(Handler):
    def answer(self) -> None:
        self.service.asked.append(self.path)
        self.service.was_asked.set()
        answer = self.service.answer()
        if answer is None:
            self.service.ended.wait()
        else:
            self.reply(*answer)
