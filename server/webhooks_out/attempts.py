"""One attempt to send a message, as whoever asks for it sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

SECONDS = 10.0
"""What an attempt may take in all: the name's address, the connection, the request and the response."""
GONE = 410


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt led to; `error` is None for a success, and never has a secret."""

    milliseconds: int
    status: int | None = None
    error: str | None = None
    excerpt: str | None = None
    retry_after: str | None = None


class Sends(Protocol):
    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Make one attempt to POST a body to a URL."""
        ...
