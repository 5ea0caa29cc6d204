"""Sends one message to one URL: to an address that was checked, within a time, following no redirect."""

import asyncio
import ssl
import time
from collections.abc import Mapping

import httpx2

from resolvers.validation import secrets
from resolvers.validation.webhook_urls import PORTS
from server.webhooks_out.attempts import SECONDS, Answer
from server.webhooks_out.name_lookups import NameLookups, NoAddress
from server.webhooks_out.targets import ForbiddenTarget, checked_addresses

CONNECT_SECONDS = 3.0  # to one of several addresses
MAX_RESPONSE_BYTES = 64 * 2**10
EXCERPT_LENGTH = 200


class Sender:
    """Connects anew for each message: a connection that was kept would be to an address of the past."""

    def __init__(
        self,
        *,
        allow_private: bool,
        lookups: NameLookups | None = None,
        seconds: float = SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._lookups = lookups or NameLookups()
        self._seconds = seconds
        # No client: it would keep cookies, and read proxies and credentials from the environment.
        self._transport = httpx2.AsyncHTTPTransport(
            verify=tls or True,
            trust_env=False,
            limits=httpx2.Limits(max_keepalive_connections=0),
            retries=0,
        )

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        started = time.monotonic()

        def answer(**what: str | int | None) -> Answer:
            return Answer(round((time.monotonic() - started) * 1_000), **what)  # type: ignore[arg-type]

        try:
            async with asyncio.timeout(self._seconds):
                response, excerpt = await self._post(httpx2.URL(url), headers, body)
        except TimeoutError:
            return answer(error=f"no response within {self._seconds:g} s")
        except (ForbiddenTarget, NoAddress) as error:
            return answer(error=str(error))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return answer(error=_safe(f"{type(error).__name__}: {error}"))
        status = response.status_code
        if 200 <= status < 300:
            return answer(status=status)
        return answer(
            status=status,
            error=_reason(status),
            excerpt=_excerpt(excerpt),
            retry_after=response.headers.get("retry-after"),
        )

    async def close(self) -> None:
        await self._transport.aclose()

    async def _post(
        self, url: httpx2.URL, headers: Mapping[str, str], body: bytes
    ) -> tuple[httpx2.Response, bytes]:
        port = url.port or PORTS[url.scheme]
        addresses = await checked_addresses(
            self._lookups, url.host, port, allow_private=self._allow_private
        )
        for address in addresses[:-1]:
            try:
                return await self._post_to(str(address), url, headers, body, CONNECT_SECONDS)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue  # nothing was sent there
        return await self._post_to(str(addresses[-1]), url, headers, body, None)

    async def _post_to(
        self,
        address: str,
        url: httpx2.URL,
        headers: Mapping[str, str],
        body: bytes,
        connect_seconds: float | None,
    ) -> tuple[httpx2.Response, bytes]:
        """Connect to `address`, while Host, SNI and the check of the certificate have the URL's own host."""
        request = httpx2.Request(
            "POST",
            url.copy_with(host=address),
            headers={**headers, "host": url.netloc.decode("ascii"), "connection": "close"},
            content=body,
            extensions={
                "sni_hostname": url.host,
                "timeout": {"connect": connect_seconds},
            },
        )
        response = await self._transport.handle_async_request(request)
        try:
            is_success = 200 <= response.status_code < 300
            return response, b"" if is_success else await _beginning(response)
        finally:
            await response.aclose()


async def _beginning(response: httpx2.Response) -> bytes:
    """The beginning of a body; a broken one ends where it breaks."""
    body = bytearray()
    try:
        async for chunk in response.aiter_raw():
            body += chunk
            if (
                len(body) >= EXCERPT_LENGTH * 4
                or response.num_bytes_downloaded > MAX_RESPONSE_BYTES
            ):
                break
    except httpx2.HTTPError:
        pass
    return bytes(body[: EXCERPT_LENGTH * 4])


def _reason(status: int) -> str:
    if 300 <= status < 400:
        return f"status {status}: redirects are not followed, set the URL that it leads to"
    return f"status {status}"


def _excerpt(body: bytes) -> str | None:
    return _safe(body.decode(errors="replace")) or None


def _safe(text: str) -> str:
    """The beginning of a foreign text, in one line, without what looks like a secret."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return secrets.redact(line)[:EXCERPT_LENGTH]
