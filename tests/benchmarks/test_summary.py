"""Ratios to rivals: of requests per second and of CPU time, within each round."""

import pytest

from benchmarks import report, summary
from benchmarks.rounds import Sample


def sample(server: str, number: int, per_second: float, cpu_ms: float) -> Sample:
    return Sample("W1", 1, server, number, 1000, per_second, 1.0, 2.0, cpu_ms, 50.0)


@pytest.fixture
def rows() -> list[summary.Row]:
    """Three rounds, in the second of which another program took most of the machine."""
    rounds = enumerate([(100.0, 50.0), (5.0, 10.0), (90.0, 45.0)], start=1)
    return summary.rows(
        [
            each
            for number, (ours, theirs) in rounds
            for each in (
                sample("compiled", number, ours, 3.0),
                sample("mercurius", number, theirs, 12.0),
            )
        ]
    )


def test_a_ratio_of_requests_has_that_of_cpu_time_beside_it(rows: list[summary.Row]):
    ours = rows[0]

    assert ours.times == {"mercurius": 2.0}
    assert ours.cpu_times == {"mercurius": 4.0}


def test_tables_and_verdicts_show_both(rows: list[summary.Row]):
    verdicts = [verdict.text for verdict in summary.verdicts(rows)]

    assert "W1 at 1: 2.0 times mercurius (4.0 in CPU time), 1 wanted" in verdicts
    assert "x mercurius / CPU" in report.table(rows)
    assert "2.00 / 4.00" in report.table(rows)


def test_a_server_is_compared_with_itself_in_times_as_long():
    samples = [
        sample(server, number, per_second, cpu_ms)
        for number in (1, 2, 3)
        for server, per_second, cpu_ms in (("compiled", 100.0, 3.0), ("larger", 80.0, 3.3))
    ]
    base, larger = summary.rows(samples)

    assert (base.longer, larger.longer) == (None, 1.25)
    assert larger.longer_cpu == pytest.approx(1.1)
    assert larger.times == {}
    assert [verdict for verdict in summary.verdicts([larger]) if "larger" in verdict.text] == [
        summary.Verdict(
            "W1 at 1: larger takes 1.25 times as long (1.10 times the CPU time) as compiled, 1.20 allowed",
            is_met=False,
        )
    ]
    assert "1.25 / 1.10" in report.table([larger])


def test_a_rival_that_is_not_installed_is_absent_and_not_zero(rows: list[summary.Row]):
    absent = {"postgraphile": "PostgreSQL is missing"}
    facts = {"date": "d", "machine": "m", "size": "s", "python": "p", "is_loaded": False}

    said = report.markdown(rows, {**facts, "absent": absent})

    assert "PostGraphile 5 + PostgreSQL is absent: PostgreSQL is missing" in said
    assert not [row for row in rows if "postgraphile" in (row.server, *row.times)]
