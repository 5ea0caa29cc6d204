"""Requests to engines over HTTP, and whether the engine may have taken one that failed.

A general client takes longer over a request than rqlite over the answer, so this one speaks only the HTTP/1.1
that engines need: whole requests, whole answers, no redirection, no compression, no proxy.
"""

import asyncio
import ssl
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2

from db.remote.http_connection import Answer, Broken, HttpConnection, TooLarge
from db.remote.turns import MOST_AT_ONCE

__all__ = ["Answer", "AnswerLate", "AnswerLost", "AnswerTooLarge", "HttpClient", "NotSent"]

# What reads beside those that have a turn need: states, writes, status.
MOST_CONNECTIONS = MOST_AT_ONCE + 16
MOST_BYTES = 64_000_000  # of one answer: more rows than an operation may read have
# A connection that was not used for longer is closed: servers close theirs after 5 seconds or later, and a
# request that meets that moment is lost.
IDLE_SECONDS = 4.0
FIRST_ERROR = 400


class NotSent(Exception):
    """No connection came about, so that nothing has been sent."""


class AnswerLost(Exception):
    """The request was sent, wholly or in part, and no whole answer has come."""


class AnswerLate(AnswerLost):
    """It has not come within the time that the request has."""


class AnswerTooLarge(Exception):
    """It has more than MOST_BYTES: the engine has carried the request out."""


class Origin(NamedTuple):
    is_secure: bool
    host: str
    port: int


class HttpClient:
    """`headers` are sent with each request, and appear in no error."""

    def __init__(self, headers: Mapping[str, str] | None = None, *, verify: bool = True) -> None:
        """Raises ValueError if a header has characters that headers cannot have."""
        self._headers = _lines(headers or {})
        self._verify = verify
        self._tls: ssl.SSLContext | None = None
        self._free = asyncio.Semaphore(MOST_CONNECTIONS)
        # By origin, with the time of their last use; the last is the one used last.
        self._idle: dict[Origin, list[tuple[HttpConnection, float]]] = {}
        self._closed = False

    async def post(
        self, url: str, body: bytes, seconds: float, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Raises NotSent, AnswerLost, AnswerLate or AnswerTooLarge."""
        return await self.request("POST", url, body, seconds, headers)

    async def request(
        self,
        method: str,
        url: str,
        body: bytes,
        seconds: float,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Raises NotSent, AnswerLost, AnswerLate or AnswerTooLarge. No redirection is followed."""
        origin, host, target = _parts(url)
        more = _lines(headers) if headers else b""
        head = b"%b %b HTTP/1.1\r\nHost: %b\r\n%b%bAccept-Encoding: identity\r\nContent-Length: %d\r\n\r\n"
        request = head % (method.encode(), target, host, self._headers, more, len(body)) + body
        is_sent = False
        try:
            async with asyncio.timeout(seconds), self._free:
                connection = await self._connection(origin)
                is_sent = True
                answer = await connection.exchange(request)
        except TimeoutError:
            if not is_sent:
                raise NotSent(f"no connection within {seconds:.1f} s") from None
            raise AnswerLate(f"no answer within {seconds:.1f} s") from None
        except (OSError, UnicodeError) as error:  # the latter for a host that cannot be looked up
            reason = type(error).__name__  # the text may name the address
            raise NotSent(f"no connection: {reason}") from None
        except Broken as error:
            raise AnswerLost(f"no answer: {error}") from None
        except TooLarge as error:
            raise AnswerTooLarge(str(error)) from None
        # One that refused a request may not have read it, and then ends the connection a moment later.
        if answer.status < FIRST_ERROR:
            self._keep(origin, connection)
        else:
            connection.close()
        return answer

    async def close(self) -> None:
        self._closed = True
        for connections in self._idle.values():
            for connection, _ in connections:
                connection.close()
        self._idle.clear()

    async def _connection(self, origin: Origin) -> HttpConnection:
        idle = self._idle.get(origin, [])
        while idle:
            connection, since = idle.pop()
            if connection.is_usable and time.monotonic() - since < IDLE_SECONDS:
                return connection
            connection.close()
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: HttpConnection(MOST_BYTES),
            origin.host,
            origin.port,
            ssl=self._context() if origin.is_secure else None,
        )
        return connection

    def _keep(self, origin: Origin, connection: HttpConnection) -> None:
        if self._closed or not connection.is_usable:
            connection.close()
            return
        idle = self._idle.setdefault(origin, [])
        now = time.monotonic()
        while idle and now - idle[0][1] >= IDLE_SECONDS:
            idle.pop(0)[0].close()
        idle.append((connection, now))

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            # trust_env: whom to trust is not for the environment to say.
            self._tls = httpx2.create_ssl_context(verify=self._verify, trust_env=False)
        return self._tls


@lru_cache(256)
def _parts(url: str) -> tuple[Origin, bytes, bytes]:
    """Where a request goes to, and its `Host` and target."""
    parts = urlsplit(url)
    is_secure = parts.scheme == "https"
    origin = Origin(is_secure, parts.hostname or "", parts.port or (443 if is_secure else 80))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return origin, parts.netloc.rpartition("@")[2].encode("ascii"), target.encode("ascii")


def _lines(headers: Mapping[str, str]) -> bytes:
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"the header {name} has a character that headers cannot have")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")
