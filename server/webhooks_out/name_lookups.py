"""Resolves names in threads of its own, so that a name that hangs holds up nothing else.

The threads are daemons: a name that hangs keeps no server from stopping.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

MOST_LOOKUPS = 200

LookUp = Callable[[str, int], list[str]]


class NoAddress(Exception):
    """Raised for a name without an address; the message says why."""


def look_up(host: str, port: int) -> list[str]:
    """The texts of the addresses of a host; raises OSError or UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class NameLookups:
    def __init__(self, look_up: LookUp = look_up, most: int = MOST_LOOKUPS) -> None:
        self._look_up = look_up
        self._left = threading.BoundedSemaphore(most)

    async def addresses(self, host: str, port: int) -> list[str]:
        """Raises NoAddress; waits as long as the name takes."""
        if not self._left.acquire(blocking=False):
            raise NoAddress("too many names take too long to resolve: look at the resolver")
        loop = asyncio.get_running_loop()
        result: asyncio.Future[list[str]] = loop.create_future()

        def settle(found: list[str] | None, error: Exception | None) -> None:
            if result.done():  # nobody waits any more
                return
            if error is not None:
                result.set_exception(error)
            else:
                result.set_result(found or [])

        def run() -> None:
            found, error = self._run(host, port)
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(settle, found, error)

        threading.Thread(target=run, name="webhook-name", daemon=True).start()
        return await result

    def _run(self, host: str, port: int) -> tuple[list[str] | None, Any]:
        try:
            found = self._look_up(host, port)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            return None, NoAddress(f"the name has no address: {reason}")
        finally:
            self._left.release()
        return (found, None) if found else (None, NoAddress("the name has no address"))
