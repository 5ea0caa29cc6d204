"""What the server writes to its log, as an operator's program reads it."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from server.telemetry.logs import JsonFormatter


class CapturedLogs:
    """The log so far."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        """All of it."""
        return self.stream.getvalue()

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The lines of one event, each with its fields."""
        found = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in found if line["event"] == event]


@contextmanager
def captured_logs() -> Iterator[CapturedLogs]:
    """Hear everything that is logged, down to debugging."""
    heard, root = CapturedLogs(), logging.getLogger()
    handler, level = logging.StreamHandler(heard.stream), root.level
    handler.setFormatter(JsonFormatter())
    handler.addFilter(lambda record: not record.name.startswith("http"))  # that is the client
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
