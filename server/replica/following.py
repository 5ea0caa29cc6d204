"""Runs the process that follows the primary, from the server's start until it stops."""

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from server.settings import Settings

RESTART_SECONDS = 1.0
STOP_SECONDS = 15.0

log = logging.getLogger(__name__)


@contextmanager
def following(settings: Settings, program: str) -> Iterator[None]:
    """Follow the primary while inside, by this litestream; do nothing if this server is no replica."""
    keeper = _Keeper(settings, program)
    keeper.start()
    try:
        yield
    finally:
        keeper.stop()


class _Keeper(threading.Thread):
    """Starts the process again whenever it ends."""

    def __init__(self, settings: Settings, program: str) -> None:
        super().__init__(name="replica-keeper", daemon=True)
        self._orders = {
            "database": str(settings.database_path),
            "url": str(settings.replica_of),
            "program": program,
            "log_format": settings.log_format,
            "log_level": settings.log_level,
        }
        self._stopping = threading.Event()
        self._process: subprocess.Popen[str] | None = None

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                process = self._process = self._new_process()
            except OSError as error:  # too many processes, or too little memory, for now
                log.warning("follower not started", extra={"reason": str(error)})
            else:
                code = process.wait()
                if not self._stopping.is_set():
                    log.warning("follower replaced", extra={"exit_code": code})
            self._stopping.wait(RESTART_SECONDS)

    def stop(self) -> None:
        """Let the process end, or kill it, and wait for that."""
        deadline = time.monotonic() + STOP_SECONDS
        self._stopping.set()
        while self.is_alive():
            process = self._process  # it may be another one by now
            if process is not None and process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()
                if time.monotonic() > deadline:
                    process.kill()
            self.join(0.1)

    def _new_process(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "server.replica.follower"],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the server, which ends this one
        )
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(OSError):
            _send(process.stdin, self._orders)
        return process


def _send(pipe: IO[str], orders: dict[str, str]) -> None:
    pipe.write(json.dumps(orders) + "\n")
    pipe.flush()
