"""Receivers of outgoing webhooks: real servers on this machine, which verify what they get."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from standardwebhooks.webhooks import Webhook

from tests.support.other_programs.http_servers import Handler, serving

PATIENCE = 60.0  # seconds, which only a test that fails needs


@dataclass(frozen=True)
class Received:
    """One request that a receiver got."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The message's id."""
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """The message, if the secret signed it, however old it is."""
        moment = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
        signed = Webhook(secret).sign(self.id, moment, self.body.decode())
        assert self.headers["webhook-signature"] == signed
        return json.loads(self.body)


@dataclass
class Reply:
    """What a receiver answers."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hangs: bool = False


@dataclass
class Receiver:
    """Answers each request with what `answer` makes of it, and keeps all that came."""

    url: str
    answer: Callable[[Received], Reply] = lambda _: Reply()
    received: list[Received] = field(default_factory=list)
    taken: list[Received] = field(default_factory=list)  # answered with a success
    is_over: threading.Event = field(default_factory=threading.Event)
    together: int = 0
    most_together: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int) -> list[Received]:
        """The first requests, once there are so many."""
        return self.wait_until(lambda: len(self.received) >= count)[:count]

    def wait_until(self, holds: Callable[[], bool]) -> list[Received]:
        """All requests, once something holds."""
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while not holds():
                assert self.changed.wait(max(0.0, deadline - time.monotonic())), (
                    f"{len(self.received)} requests came"
                )
            return list(self.received)

    def messages(self, secret: str) -> list[Any]:
        """What was taken, verified."""
        return [each.verified(secret) for each in self.taken]


class _Endpoint(Handler):
    def answer(self) -> None:
        receiver: Receiver = self.service
        headers = {name.lower(): value for name, value in self.headers.items()}
        got = Received(self.command, self.path, headers, self.sent)
        with receiver.changed:
            receiver.together += 1
            receiver.most_together = max(receiver.most_together, receiver.together)
            receiver.received.append(got)
            receiver.changed.notify_all()
        reply = receiver.answer(got)
        if reply.hangs:
            receiver.is_over.wait(PATIENCE)
            return
        with receiver.changed:
            receiver.together -= 1
            if 200 <= reply.status < 300:
                receiver.taken.append(got)
            receiver.changed.notify_all()
        self.reply(reply.status, reply.headers, reply.body)


@contextmanager
def receiving(
    answer: Callable[[Received], Reply] = lambda _: Reply(), *, tls: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    """A receiver on a free port."""

    def make(port: int) -> Receiver:
        return Receiver(f"http://127.0.0.1:{port}/changes", answer)

    with serving(_Endpoint, make, lambda receiver: receiver.is_over.set(), tls) as receiver:
        yield receiver
