"""An identity authority: a real HTTP server that mints, or does whatever else it is told."""

import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from tests.support.other_programs.http_servers import Handler, serving


@dataclass(frozen=True)
class Answer:
    """What is sent back; a body that is no bytes is sent as JSON."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MintRequest:
    """What one request asked for: in the body of a POST, or the query of a GET."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    method: str = "POST"

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return self.headers["idempotency-key"]


def named(chitty_id: Any, spelling: str = "chittyId") -> Answer:
    """The answer that hands out this id."""
    return Answer({"success": True, spelling: chitty_id})


class Authority:
    """What was asked, and what is answered: `answers` in turn, then what `otherwise` makes."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.asked: list[MintRequest] = []
        self.answers: list[Answer | None] = []
        self.otherwise: Callable[[MintRequest], Answer | None] = self.mint
        self.was_asked = threading.Event()
        self.ended = threading.Event()
        self._minted: dict[str, str] = {}

    def mint(self, asked: MintRequest) -> Answer:
        """A new id, or the one that was minted under this key."""
        new = f"CHITTY-{asked.body['type'].upper()}-{uuid4()}"
        return named(self._minted.setdefault(asked.key, new))

    def refuse(self, status: int) -> None:
        """Answer everything from now on with this status."""
        self.otherwise = lambda _: Answer({"error": "no"}, status)

    def hang(self) -> None:
        """Take every request from now on, and never answer it."""
        self.otherwise = lambda _: None

    def answer(self, asked: MintRequest) -> Answer | None:
        """What a request gets; None is nothing, as long as the test goes on."""
        self.asked.append(asked)
        self.was_asked.set()
        return self.answers.pop(0) if self.answers else self.otherwise(asked)


def an_authority() -> AbstractContextManager[Authority]:
    """A running authority on a free port."""
    return serving(_Handler, Authority, lambda authority: authority.ended.set())


class _Handler(Handler):
    def answer(self) -> None:
        path, _, query = self.path.partition("?")
        asked_by_get = self.command == "GET"
        body = dict(parse_qsl(query)) if asked_by_get else json.loads(self.sent)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.service.answer(MintRequest(path, headers, body, self.command))
        if answer is None:
            self.service.ended.wait()
            return
        sent = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.reply(answer.status, answer.headers, sent)
