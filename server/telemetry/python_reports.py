"""What Python and its event loop report on stderr, as lines of the log.

A warning, an exception in a destructor or thread, and one of a task that nobody awaits belong to no request.
"""

import asyncio
import logging
import sys
import threading
import warnings
from contextlib import suppress
from typing import Any, TextIO

from server.telemetry import logs

log = logging.getLogger(__name__)


def take_over() -> None:
    """Log what Python reports from now on in this process."""
    warnings.showwarning = _log_warning
    sys.unraisablehook = _log_unraisable
    threading.excepthook = _log_thread


def log_problem(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The exception handler of an event loop."""
    # The other entries of the context are objects, whose texts may show what clients sent.
    extra = {"problem": context.get("message")}
    log.error("event loop reported a problem", exc_info=context.get("exception"), extra=extra)


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    # When the interpreter ends, the modules that logging needs are gone.
    with suppress(Exception):
        extra = {
            "category": category.__name__,
            "warning": logs.loggable(str(message)),
            "place": f"{filename}:{lineno}",
        }
        log.warning("python warned", extra=extra)


def _log_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    with suppress(Exception):
        extra = {"problem": unraisable.err_msg or "exception ignored"}
        log.error("exception ignored", exc_info=unraisable.exc_value, extra=extra)


def _log_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_type is not SystemExit:
        log.error("thread failed", exc_info=failed.exc_value)
