"""Log lines: JSON for programs, text for terminals, each with the id of its request.

An event is a constant phrase; what varies goes into fields. Neither has query text, variables or secrets.
"""

import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import orjson

from db.errors import BootRefused, EngineError, Unavailable
from db.model import instants
from resolvers.validation import secrets
from server import called_as
from server.telemetry import request_line, trace_context
from server.telemetry.terminal import Terminal

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the current request; empty outside a request."""

MAX_SHOWN = 200
HEAD_COLUMNS = len("12:34:56 ")  # before a request's line on a terminal
LEVEL_COLOURS = {logging.WARNING: "yellow", logging.ERROR: "red"}
ID_BYTES, IDS_DRAWN = 16, 64

_BLANK = vars(logging.makeLogRecord({"levelno": logging.INFO, "levelname": "INFO"}))
_EVENT: dict[str, Any] = _BLANK | {"fields": {}}
_STANDARD = frozenset(_BLANK) | {"message", "asctime", "color_message"}
# Other messages may quote a query or a secret, so only the type and the frames of those errors are logged.
_SAFE_MESSAGES = (OSError, EngineError, BootRefused, Unavailable)


def configure(format: str, level: str, stream: TextIO | None = None) -> None:  # noqa: A002
    """Log to a stream (by default stderr) as `json`, `text`, or `auto`: text if it is a terminal."""
    out = sys.stderr if stream is None else stream
    handler = _LineHandler(out)
    if is_text(format, out):
        handler.setFormatter(TextFormatter(Terminal(out), shows_ids=level.upper() == "DEBUG"))
    else:
        handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # Our lines show neither caller nor thread, so logging need not look them up.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # uvicorn's lines about processes and signals repeat ours. At level debug, aiosqlite logs each call's
    # arguments and the HTTP client its headers.
    for library in ("uvicorn", "aiosqlite", "httpx2", "httpcore2", "urllib3"):
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLogger().level))
    logging.getLogger("uvicorn.error").addFilter(_says_more)


def _says_more(record: logging.LogRecord) -> bool:
    return record.msg != "Application startup failed. Exiting."  # the line before says why


def is_text(format: str, stream: TextIO) -> bool:  # noqa: A002
    """Whether a stream gets text for people, by the setting `log_format`."""
    return stream.isatty() if format == "auto" else format == "text"


def new_request_ids() -> Iterator[str]:
    """Random ids, without end, which one process draws for itself."""
    # In portions: a call of the system for each took a fiftieth of a 304 (W6).
    while True:
        drawn = os.urandom(ID_BYTES * IDS_DRAWN)
        for start in range(0, len(drawn), ID_BYTES):
            yield drawn[start : start + ID_BYTES].hex()


def loggable(text: str) -> str:
    """The beginning of a client's text, without what looks like a secret."""
    return _redacted(text[:MAX_SHOWN])


_redacted = lru_cache(1_024)(secrets.redact)


class _LineHandler(logging.StreamHandler[TextIO]):
    """Like its base, with fewer calls for each line (W6). It has no filters, and stderr flushes itself."""

    lock: Any  # made by the base
    formatter: logging.Formatter  # `configure` sets one

    def handle(self, record: logging.LogRecord) -> bool:
        try:
            line = f"{self.formatter.format(record)}\n"
            with self.lock:
                self.stream.write(line)
        except Exception:
            self.handleError(record)
        return True


class EventRecord(logging.LogRecord):
    """A record without what our lines do not show: looking that up took most of the time (benchmark W1)."""

    fields: dict[str, Any]

    def __init__(
        self, logger: str, event: str, fields: dict[str, Any], level: int = logging.INFO
    ) -> None:
        # Copied whole and then changed: to add to a copy makes Python lay it out anew.
        self.__dict__ = known = _EVENT.copy()
        known["name"], known["msg"], known["fields"] = logger, event, fields
        known["created"] = time.time()
        if level != logging.INFO:
            self.levelno, self.levelname = level, logging.getLevelName(level)


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event, fields = _event(record)
        line = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": event,
        }
        if current := request_id.get():
            line["request_id"] = current
        if (trace := trace_context.current.get()) is not None:
            line["trace_id"] = trace.trace_id
        line.update(fields)
        if record.exc_info and record.exc_info[1]:
            line["error"] = _traceback(record.exc_info[1])
        try:
            return orjson.dumps(line, default=str).decode()
        except TypeError:  # half a character, or a number of more than 64 bits
            return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """On a terminal with the local time, and with colours; elsewhere with date, time and level."""

    def __init__(self, terminal: Terminal, *, shows_ids: bool) -> None:
        super().__init__()
        self._terminal = terminal
        self._shows_ids = shows_ids

    def format(self, record: logging.LogRecord) -> str:
        head, (event, fields) = self._head(record), _event(record)
        if event in request_line.EVENTS:
            shown = {
                name: printable(value) if isinstance(value, str) else value
                for name, value in fields.items()
            }
            line = request_line.text(shown, self._terminal, self._terminal.columns - HEAD_COLUMNS)
            pairs = {}
        else:
            line, pairs = printable(event), fields
            if "hint" in pairs:
                pairs |= {"hint": called_as.as_typed(str(pairs["hint"]))}
        if self._shows_ids:
            trace = trace_context.current.get()
            ids = {"request_id": request_id.get(), "trace_id": trace and trace.trace_id}
            pairs = {name: value for name, value in ids.items() if value} | pairs
        shown_pairs = " ".join(
            f"{name}={printable(json.dumps(value, default=str, ensure_ascii=False))}"
            for name, value in pairs.items()
        )
        line = " ".join(filter(None, (head, line, self._terminal.paint(shown_pairs, "dim"))))
        if record.exc_info and record.exc_info[1]:
            line += "\n" + _traceback(record.exc_info[1])
        return line

    def _head(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower()
        if not self._terminal.is_terminal:
            return f"{_instant(record)} {level:7}"
        clock = self._terminal.paint(
            time.strftime("%H:%M:%S", time.localtime(record.created)), "dim"
        )
        colour = LEVEL_COLOURS.get(record.levelno)
        return f"{clock} {self._terminal.paint(level, colour)}" if colour else clock


def printable(text: str) -> str:
    """The text, with everything escaped that would disturb a terminal or start a new line."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def _instant(record: logging.LogRecord) -> str:
    milliseconds = int(record.created * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(2)
def _second(seconds: int) -> str:
    return instants.canonical(datetime.fromtimestamp(seconds, UTC))[: -len(".000Z")]


def _event(record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
    """The event, and the fields that its caller gave."""
    if isinstance(record, EventRecord):
        return record.msg, record.fields
    fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    return record.getMessage(), fields


def _traceback(error: BaseException) -> str:
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        hidden = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or hidden
    return "\nwhich led to\n".join(_frames(each) for each in reversed(chain))


def _frames(error: BaseException) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__))
    message = f": {error}" if isinstance(error, _SAFE_MESSAGES) else ""
    return f"{frames}{type(error).__qualname__}{message}"
