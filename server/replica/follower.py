"""The process that has litestream follow the primary's file: `python -m server.replica.follower`.

It is a process of its own, so that litestream ends with the server, however that ends: its standard input is
a pipe from the server, which ends with it. Its first line says what to do, in JSON.
"""

import ctypes
import fcntl
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from db.errors import Unavailable
from db.replica import copies, preparing
from db.replica.copies import Copies
from server.replica import litestream
from server.telemetry import logs

log = logging.getLogger("server.replica.follower")  # also as the process's main module

LOOK_SECONDS = 0.05
# litestream is started again at once at first, and after each failure twice as late.
FIRST_DELAY, MOST_DELAY = 0.25, 30.0
STEADY_SECONDS = 60.0  # after which an end is a first failure again
# After so long without a transaction, another copy is made beside the present one, in case the follower hangs
# or the primary's file was replaced: then twice as late each time.
STALL_SECONDS, MOST_STALL_SECONDS = 30.0, 3_600.0  # the file may be large
STOP_SECONDS = 5.0
# Its log lines: level and message, as logfmt writes them.
LINE = re.compile(r'level=(?P<level>[A-Z]+) .*?msg=(?P<message>"(?:[^"\\]|\\.)*"|\S+)(?P<rest>.*)')
FAILED_WITHIN_TRANSACTION = "follow: error applying updates"
CANNOT_RESUME = ("cannot resume follow mode", "read txid file")
PR_SET_PDEATHSIG = 1
CREDENTIALS = re.compile(r"//[^/@\s]*@|\?\S*")


@dataclass(frozen=True, slots=True)
class Orders:
    """What the server has said."""

    database: str
    url: str
    program: str
    log_format: str
    log_level: str


class Follower:
    """One litestream, which writes one copy."""

    def __init__(self, program: str, url: str, copy: Path) -> None:
        self.copy = copy
        self.since = time.monotonic()
        self.must_start_over = False
        self._last_line = ""
        self._process = subprocess.Popen(  # noqa: S603 - what the operator has named
            litestream.follow(program, url, copy),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=_end_with_parent,
        )
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def age(self) -> float:
        return time.monotonic() - self.since

    @property
    def is_ready(self) -> bool:
        """Whether the copy is there: it is, once its transaction is recorded."""
        return copies.transaction_file(self.copy).exists()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._join()

    def report_end(self) -> None:
        self._join()
        log.warning(
            "litestream ended",
            extra={"exit_code": self._process.returncode, "reason": self._last_line},
        )

    def _join(self) -> None:
        self._reader.join(STOP_SECONDS)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            text = CREDENTIALS.sub("//…@" if "@" in line else "", line.strip())
            self._last_line = text[-500:]
            if any(reason in line for reason in CANNOT_RESUME):
                self.must_start_over = True
            found = LINE.search(line)
            if found is None or found["level"] not in ("WARN", "ERROR"):
                continue
            if FAILED_WITHIN_TRANSACTION in found["message"]:
                with suppress(OSError):
                    copies.mark_torn(self.copy)
            log.warning("litestream reports a failure", extra={"reason": self._last_line})


class Following:
    """Keeps a litestream running, and a copy published."""

    def __init__(self, orders: Orders, copies: Copies) -> None:
        self._orders = orders
        self._copies = copies
        self._delay = FIRST_DELAY
        self._stall = STALL_SECONDS
        self._present: Follower | None = None
        self._other: Follower | None = None  # which may become the present one
        self._next_start = 0.0
        self._resumed_at = time.monotonic()

    def run(self, must_stop: Callable[[], bool]) -> None:
        resumable = self._copies.resumable()
        if resumable is None:
            self._copies.withdraw()
        self._copies.remove_others(resumable)
        try:
            while not must_stop():
                self._turn()
                time.sleep(LOOK_SECONDS)
        finally:
            for each in (self._present, self._other):
                if each is not None:
                    each.stop()

    def _turn(self) -> None:
        now = time.monotonic()
        if self._present is None:
            if now >= self._next_start:
                self._start()
            return
        if self._present.has_ended:
            self._restart_later(self._present)
            return
        if not self._present.is_ready:
            return
        if not self._is_published(self._present.copy):
            self._publish(self._present)
        self._look_for_stall(self._present)

    def _start(self) -> None:
        copy = self._copies.resumable()
        is_new = copy is None
        if copy is None:
            copy = self._copies.new()
        log.info("litestream started", extra={"copy": str(copy), "resumes": not is_new})
        self._present = self._follower(copy)

    def _follower(self, copy: Path) -> Follower:
        return Follower(self._orders.program, self._orders.url, copy)

    def _restart_later(self, ended: Follower) -> None:
        ended.report_end()
        self._present = None
        if ended.age > STEADY_SECONDS:
            self._delay = FIRST_DELAY
        self._next_start = time.monotonic() + self._delay
        self._delay = min(2 * self._delay, MOST_DELAY)
        if ended.must_start_over and self._is_published(ended.copy):
            # Readers keep the copy until there is another: it is old, and its age is known.
            (ended.copy.parent / "boot").unlink(missing_ok=True)
        elif not self._is_published(ended.copy):
            self._copies.remove_others(self._published())

    def _look_for_stall(self, present: Follower) -> None:
        age = time.time() - copies.transaction_file(present.copy).stat().st_mtime
        if age < STALL_SECONDS:
            self._stall = STALL_SECONDS
            self._drop_other()
        elif self._other is None:
            # A primary without heartbeats may be quiet for as long as it likes.
            is_late = min(age, time.monotonic() - self._resumed_at) > self._stall
            if is_late and preparing.newest_beat(present.copy):
                log.warning("copy stalled", extra={"seconds": round(age)})
                self._stall = min(2 * self._stall, MOST_STALL_SECONDS)
                self._resumed_at = time.monotonic()
                self._other = self._follower(self._copies.new())
        elif self._other.has_ended:
            self._other.report_end()
            self._drop_other()
        elif self._other.is_ready:
            self._take_newer(present, self._other)

    def _take_newer(self, present: Follower, other: Follower) -> None:
        preparing.end_log(other.copy)
        if preparing.newest_beat(other.copy) <= preparing.newest_beat(present.copy):
            self._drop_other()  # the primary writes nothing, and the present copy is as good
            return
        present.stop()
        self._present, self._other = other, None
        self._publish(other)

    def _drop_other(self) -> None:
        if self._other is not None:
            self._other.stop()
            self._other = None
            self._copies.remove_others(self._published())

    def _publish(self, follower: Follower) -> None:
        preparing.end_log(follower.copy)
        self._copies.publish(follower.copy)
        self._copies.remove_others(follower.copy)
        log.info("copy published", extra={"copy": str(follower.copy)})

    def _published(self) -> Path | None:
        try:
            return self._copies.current()
        except Unavailable:
            return None

    def _is_published(self, copy: Path) -> bool:
        return self._published() == copy


def main() -> None:
    """Follow until standard input ends, or SIGTERM."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    orders = Orders(**json.loads(sys.stdin.readline()))
    logs.configure(orders.log_format, orders.log_level)
    threading.Thread(target=_wait_for_end, args=(stopped,), daemon=True).start()
    present = Copies(Path(orders.database))
    present.folder.mkdir(mode=0o700, exist_ok=True)
    with present.lock.open("a") as lock:
        if not _locked(lock, stopped):
            return
        Following(orders, present).run(stopped.is_set)


def _locked(lock: IO[str], stopped: threading.Event) -> bool:
    """Wait for the follower of a server that has just ended; False if this one is to stop."""
    has_told = False
    while not stopped.is_set():
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not has_told:
                log.warning("copies are written by another replica", extra={"lock": lock.name})
            has_told = True
            stopped.wait(0.2)
        else:
            return True
    return False


def _wait_for_end(stopped: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1_024):
        pass
    stopped.set()


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
