"""Log lines: JSON where a program reads them, text on a terminal, one request's id in each.

What is logged is a constant phrase and, in `extra`, fields. Query text, variables and secrets have
no place in either; since an exception's message may repeat them, only its type and its frames are
written, and the message of the few kinds that speak of files and the database alone.
"""

import json
import logging
import sqlite3
import sys
import time
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import orjson

from db.errors import BootRefused, Unavailable
from db.model import instants
from resolvers.validation import secrets
from server.telemetry import trace_context

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being answered; empty outside of one."""

LONGEST_SHOWN = 200

_BLANK = vars(logging.makeLogRecord({"levelno": logging.INFO, "levelname": "INFO"}))
_STANDARD = frozenset(_BLANK) | {"message", "asctime", "color_message"}
_MAY_SPEAK = (OSError, sqlite3.Error, BootRefused, Unavailable)


def configure(format: str, level: str, stream: TextIO | None = None) -> None:  # noqa: A002
    """Send all log lines to a stream (stderr) as `json`, `text` or, by its kind, `auto`."""
    out = sys.stderr if stream is None else stream
    as_text = out.isatty() if format == "auto" else format == "text"
    handler = logging.StreamHandler(out)
    handler.setFormatter(TextLines() if as_text else JsonLines())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # Where a call was made and by which thread is in no line of ours, so it is not looked up.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # uvicorn's own phrases about processes and signals say nothing that ours do not.
    # aiosqlite's debug lines show each call's arguments, those of the HTTP client its headers.
    for library in ("uvicorn", "aiosqlite", "httpx2", "httpcore2", "urllib3"):
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLogger().level))


def shown(text: str) -> str:
    """What a line may tell of a text that a client chose: its beginning, freed of what looks secret."""
    return _redacted(text[:LONGEST_SHOWN])


_redacted = lru_cache(1_024)(secrets.redact)


class Line(logging.LogRecord):
    """A record of what is logged with every request; `fields` are what varies.

    What is in no line of ours, such as the thread, is not looked up: that took longer than all the
    rest of the line (W1 of the benchmark).
    """

    fields: dict[str, Any]

    def __init__(self, logger: str, event: str, fields: dict[str, Any]) -> None:
        now = time.time()
        self.__dict__ = {**_BLANK, "name": logger, "msg": event, "created": now, "fields": fields}


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info and record.exc_info[1]:
            line["error"] = _without_messages(record.exc_info[1])
        return orjson.dumps(line, default=str).decode()


class TextLines(logging.Formatter):
    """One line for people, then the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        pairs = (
            f"{name}={printable(json.dumps(value, default=str, ensure_ascii=False))}"
            for name, value in _fields(record).items()
        )
        event = printable(record.getMessage())
        head = f"{_instant(record)} {record.levelname.lower():7} {event}"
        line = " ".join((head, *pairs))
        if record.exc_info and record.exc_info[1]:
            line += "\n" + _without_messages(record.exc_info[1])
        return line


def printable(text: str) -> str:
    """A text without what moves a terminal's cursor, turns its text around or begins a line."""
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
    if isinstance(record, Line):
        extra = record.fields
    else:
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    current, trace = request_id.get(), trace_context.current.get()
    ids = {"request_id": current} if current else {}
    if trace is not None:
        ids["trace_id"] = trace.trace_id
    return ids | extra


def _without_messages(error: BaseException) -> str:
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        hidden = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or hidden
    return "\nwhich led to\n".join(_frames(each) for each in reversed(chain))


def _frames(error: BaseException) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__))
    message = f": {error}" if isinstance(error, _MAY_SPEAK) else ""
    return f"{frames}{type(error).__qualname__}{message}"
