"""The load generator is stopped, though it may miss a signal."""

import sys

import pytest

from benchmarks import load
from benchmarks.errors import BenchmarkError

STUBBORN = """
import json, signal
figures = {"requests": 6, "seconds": 2, "p50_ms": 1, "p99_ms": 2, "bad": 0, "lost": 0, "example": ""}
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
print("ready", flush=True)
for _ in range(%d):
    signal.sigwait([signal.SIGINT])
print(json.dumps(figures))
"""


@pytest.fixture
def generator(monkeypatch, tmp_path):
    """A load generator that ends with the signal of this number."""

    def start(signals: int) -> load.Generator:
        monkeypatch.setattr(load, "_command", lambda *_: [sys.executable, "-c", STUBBORN % signals])
        # As autocannon, it says when it has started.
        monkeypatch.setattr(load, "require", lambda: load.AUTOCANNON)
        return load.Generator("http://127.0.0.1", tmp_path, clients=1)

    return start


@pytest.mark.parametrize("signals", [1, 2])
def test_it_is_told_to_stop_until_it_does(generator, signals: int):
    with generator(signals) as running:
        assert running.finish().per_second == 3


def test_one_that_does_not_stop_is_an_error(generator, monkeypatch):
    monkeypatch.setattr(load, "GRACE_SECONDS", 0.3)

    with generator(1000) as running, pytest.raises(BenchmarkError, match="does not stop"):
        running.finish()


def test_a_run_without_an_answer_is_repeated_for_longer(monkeypatch, tmp_path):
    tried = []

    def run(url, bodies, clients, seconds, headers):
        tried.append(seconds)
        if seconds < 1:
            raise load.NoAnswer("no answer came")
        return load.Load(1, seconds, 1, 1)

    monkeypatch.setattr(load, "_run", run)

    assert load.run("http://127.0.0.1", tmp_path, clients=1, seconds=0.5).seconds == 2.5
    assert tried == [0.5, 2.5]
