"""`--load` says what reads lose beside writes."""

from benchmarks.pressure import slowdown
from benchmarks.rounds import Sample


def sample(number: int, per_second: float, p99_ms: float) -> Sample:
    return Sample("W1", 1, "compiled", number, 1000, per_second, 1.0, p99_ms, 1.0, 50.0)


def test_reads_beside_writes_are_compared_with_those_alone_round_by_round():
    alone = [sample(1, 1000, 1), sample(2, 100, 9), sample(3, 800, 1)]
    beside = [sample(1, 500, 4), sample(2, 50, 40), sample(3, 600, 5)]

    said = slowdown(beside, alone, [200.0, 20.0, 220.0])

    assert said == (
        "W1 beside 4 writers, compiled: 0.50 times as fast as alone, p99 5.0 ms, 200 writes/s"
    )
