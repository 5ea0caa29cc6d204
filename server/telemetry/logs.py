"""Log lines: JSON for programs, text for terminals, each with the id of its request.

An event is a constant phrase; what varies goes into fields. Neither has query text, variables or secrets.
"""

import json
import logging
import sys
import time
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import orjson

from db.errors import BootRefused, EngineError, Unavailable
from db.model import instants
from resolvers.validation import secrets
from server.telemetry import trace_context

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the current request; empty outside a request."""

MAX_SHOWN = 200

_BLANK = vars(logging.makeLogRecord({"levelno": logging.INFO, "levelname": "INFO"}))
_STANDARD = frozenset(_BLANK) | {"message", "asctime", "color_message"}
# Other messages may quote a query or a secret, so only the type and the frames of those errors are logged.
_SAFE_MESSAGES = (OSError, EngineError, BootRefused, Unavailable)


def configure(format: str, level: str, stream: TextIO | None = None) -> None:  # noqa: A002
    """Log to a stream (by default stderr) as `json`, `text`, or `auto`: text if it is a terminal."""
    out = sys.stderr if stream is None else stream
    as_text = out.isatty() if format == "auto" else format == "text"
    handler = logging.StreamHandler(out)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # Our lines show neither caller nor thread, so logging need not look them up.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # uvicorn's lines about processes and signals repeat ours. At level debug, aiosqlite logs each call's
    # arguments and the HTTP client its headers.
    for library in ("uvicorn", "aiosqlite", "httpx2", "httpcore2", "urllib3"):
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLogger().level))


def loggable(text: str) -> str:
    """The beginning of a client's text, without what looks like a secret."""
    return _redacted(text[:MAX_SHOWN])


_redacted = lru_cache(1_024)(secrets.redact)


class EventRecord(logging.LogRecord):
    """A record without what our lines do not show: looking that up took most of the time (benchmark W1)."""

    fields: dict[str, Any]

    def __init__(self, logger: str, event: str, fields: dict[str, Any]) -> None:
        now = time.time()
        self.__dict__ = {**_BLANK, "name": logger, "msg": event, "created": now, "fields": fields}


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info and record.exc_info[1]:
            line["error"] = _traceback(record.exc_info[1])
        return orjson.dumps(line, default=str).decode()


class TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        pairs = (
            f"{name}={printable(json.dumps(value, default=str, ensure_ascii=False))}"
            for name, value in _fields(record).items()
        )
        event = printable(record.getMessage())
        head = f"{_instant(record)} {record.levelname.lower():7} {event}"
        line = " ".join((head, *pairs))
        if record.exc_info and record.exc_info[1]:
            line += "\n" + _traceback(record.exc_info[1])
        return line


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


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    if isinstance(record, EventRecord):
        extra = record.fields
    else:
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    current, trace = request_id.get(), trace_context.current.get()
    ids = {"request_id": current} if current else {}
    if trace is not None:
        ids["trace_id"] = trace.trace_id
    return ids | extra


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
