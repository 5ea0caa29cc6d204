"""The process that follows: what it makes of litestream's lines, ends and silence."""

import logging
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from db import heartbeat
from db.errors import BootRefused, Unavailable
from db.model import instants
from db.replica.copies import Copies
from server.replica import follower, litestream
from server.replica.follower import Follower, Following, Orders
from tests.support.registries.databases import new_registry
from tests.support.running.waiting import wait_until

pytestmark = pytest.mark.waits

# What it is called with, and what it does then: a program of our own in litestream's place.
PROGRAM = """#!{python}
import pathlib, shutil, sys, time
copy = pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
{body}
"""
COPY = """
if not copy.exists():
    shutil.copy({source!r}, copy)
copy.with_name(copy.name + "-txid").write_text("0000000000000001")
"""
TORN = 'level=ERROR msg="follow: error applying updates" err="read s3://user:secret@bucket?key=1: reset"'


def program(folder: Path, body: str) -> str:
    file = folder / "program"
    file.write_text(PROGRAM.format(python=sys.executable, body=body))
    file.chmod(0o755)
    return str(file)


@contextmanager
def following(database: Path, program: str) -> Iterator[Copies]:
    stopped, found = threading.Event(), Copies(database)
    work = Following(Orders(str(database), "s3://bucket/registry", program, "json", "info"), found)
    running = threading.Thread(target=work.run, args=(stopped.is_set,))
    running.start()
    try:
        yield found
    finally:
        stopped.set()
        running.join()


def registry(path: Path, ago: float = 0.0) -> Path:
    """A registry whose heartbeat is so many seconds old."""
    new_registry(path)
    at = instants.canonical(datetime.now(UTC) - timedelta(seconds=ago))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(heartbeat.BEAT, {"now": at, "before": at})
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def is_published(found: Copies) -> Callable[[], bool]:
    def look() -> bool:
        try:
            return found.current().exists()
        except Unavailable:
            return False

    return look


def test_a_failure_within_a_transaction_makes_the_copy_unreadable_until_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    source = registry(tmp_path / "source.db")
    body = (
        COPY.format(source=str(source))
        + f"""
go = {str(tmp_path / "go")!r}
while not pathlib.Path(go).exists():
    time.sleep(0.01)
print({TORN!r}, flush=True)
time.sleep(600)
"""
    )
    with following(tmp_path / "replica.db", program(tmp_path, body)) as found:
        wait_until(is_published(found))
        wait_until(lambda: found.state().is_whole)
        (tmp_path / "go").touch()
        wait_until(lambda: not found.state().is_whole)
        wait_until(lambda: "litestream reports a failure" in caplog.text)

    assert "secret" not in caplog.text
    said = [getattr(each, "reason", "") for each in caplog.records]
    assert not any("secret" in reason or "key=1" in reason for reason in said)
    assert any("error applying updates" in reason for reason in said)


def test_what_cannot_be_resumed_is_copied_anew_while_the_old_copy_is_read(tmp_path: Path):
    source = registry(tmp_path / "source.db")
    gate = tmp_path / "gate"
    body = f"""
if copy.exists():
    print('level=ERROR msg="failed to run" err="cannot resume follow mode: pruned"')
    sys.exit(1)
while copy.parent.name != "1" and not pathlib.Path({str(gate)!r}).exists():
    time.sleep(0.01)
{COPY.format(source=str(source))}
time.sleep(600 if copy.parent.name != "1" else 0.5)
"""
    with following(tmp_path / "replica.db", program(tmp_path, body)) as found:
        wait_until(is_published(found))
        first = found.current()
        wait_until(lambda: not (first.parent / "boot").exists())
        assert found.current() == first
        assert first.exists()

        gate.touch()

        wait_until(lambda: found.current() != first)
        wait_until(lambda: not first.exists())


def test_a_copy_that_stands_still_is_replaced_by_a_newer_one_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(follower, "STALL_SECONDS", 0.5)
    old, new = registry(tmp_path / "old.db", 60), registry(tmp_path / "new.db")
    sources = tmp_path / "source"
    sources.symlink_to(old)
    body = COPY.format(source=str(sources)) + "time.sleep(600)"
    with following(tmp_path / "replica.db", program(tmp_path, body)) as found:
        wait_until(is_published(found))
        first = found.current()
        wait_until(lambda: (found.folder / "2").exists())
        wait_until(lambda: not (found.folder / "2").exists())
        assert found.current() == first

        fresh = tmp_path / "fresh"
        fresh.symlink_to(new)
        fresh.replace(sources)

        wait_until(lambda: found.current() != first)


def test_an_end_is_followed_by_another_start_and_later_each_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    body = f"open({str(tmp_path / 'starts')!r}, 'a').write(f'{{time.time()}}\\n'); sys.exit(3)"
    with following(tmp_path / "replica.db", program(tmp_path, body)):
        wait_until(lambda: len(_lines(tmp_path / "starts")) >= 4)

    times = [float(line) for line in _lines(tmp_path / "starts")]
    # A busy machine starts it later than it is due, never earlier, but for what clocks differ.
    due = [follower.FIRST_DELAY * 2**number - 0.05 for number in range(3)]
    assert all(
        after - before > least for (before, after), least in zip(pairwise(times), due, strict=False)
    )
    assert "litestream ended" in caplog.text


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_a_program_that_does_not_end_when_told_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(follower, "STOP_SECONDS", 0.3)
    ready = tmp_path / "ready"
    body = f"""
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path({str(ready)!r}).touch()
time.sleep(600)
"""
    running = Follower(program(tmp_path, body), "s3://bucket", tmp_path / "copy.db")
    wait_until(ready.exists)
    since = time.monotonic()

    running.stop()

    assert running.has_ended
    assert time.monotonic() - since < 60


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("print('0.3.13')", "is litestream 0.3.13, which replicas cannot use"),
        ("print('v0.5.16')", "is litestream 0.5.16"),
        ("print('hello')", "does not say which version"),
        ("sys.exit(1)", "does not say which version"),
    ],
)
def test_a_program_of_another_version_is_refused(tmp_path: Path, body: str, says: str):
    file = tmp_path / "litestream"
    file.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    file.chmod(0o755)

    with pytest.raises(BootRefused, match=says):
        litestream.find(str(file))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://key:secret@bucket/registry?token=1", "s3://bucket/registry"),
        ("/mnt/copies", "/mnt/copies"),
        ("file:///mnt/copies", "file:///mnt/copies"),
    ],
)
def test_the_place_of_copies_is_shown_without_secrets(url: str, shown: str):
    assert litestream.without_secrets(url) == shown
