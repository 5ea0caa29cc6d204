"""Requests to engines over HTTP, and whether the engine may have taken one that failed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from db.remote.turns import MOST_AT_ONCE

# What reads beside those that have a turn need: states, writes, status.
MOST_CONNECTIONS = MOST_AT_ONCE + 16
MOST_BYTES = 64_000_000  # of one answer: more rows than an operation may read have


class NotSent(Exception):
    """No connection came about, so that nothing has been sent."""


class AnswerLost(Exception):
    """The request was sent, wholly or in part, and no whole answer has come."""


class AnswerLate(AnswerLost):
    """It has not come within the time that the request has."""


class AnswerTooLarge(Exception):
    """It has more than MOST_BYTES: the engine has carried the request out."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """`headers` are sent with each request, and appear in no error."""

    def __init__(self, headers: Mapping[str, str] | None = None, *, verify: bool = True) -> None:
        # trust_env: proxies and credentials come from the settings, never from the environment.
        self._client = httpx2.AsyncClient(
            headers=dict(headers or {}),
            timeout=None,
            verify=verify,
            trust_env=False,
            limits=httpx2.Limits(
                max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS
            ),
        )

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
        sent = _Sent()
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.stream(
                    method, url, content=body, headers=headers, extensions={"trace": sent}
                ) as response,
            ):
                return await _whole(response)
        except TimeoutError:
            if not sent.has_begun:
                raise NotSent(f"no connection within {seconds:.1f} s") from None
            raise AnswerLate(f"no answer within {seconds:.1f} s") from None
        except httpx2.HTTPError as error:
            reason = type(error).__name__  # the text may name the address
            if not sent.has_begun:
                raise NotSent(f"no connection: {reason}") from None
            raise AnswerLost(f"no answer: {reason}") from None

    async def close(self) -> None:
        await self._client.aclose()


class _Sent:
    """Is told each step of a request: see the extension `trace` of httpcore."""

    has_begun = False

    async def __call__(self, event: str, _: Mapping[str, object]) -> None:
        if event.endswith("send_request_headers.started"):
            self.has_begun = True


async def _whole(response: httpx2.Response) -> Answer:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MOST_BYTES:
            raise AnswerTooLarge(f"more than {MOST_BYTES:,} bytes")
        chunks.append(chunk)
    return Answer(response.status_code, response.headers, b"".join(chunks))
