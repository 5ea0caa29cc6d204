"""Which servers the benchmarks measure with which workload, and how those differ."""

import pytest

from benchmarks.rounds import takes_part
from benchmarks.servers import BY_NAME as CONTENDERS
from benchmarks.workloads import WORKLOADS, Workload

READS = [each for each in WORKLOADS if not each.writes and not each.again]


def measured(workload: Workload) -> set[str]:
    return {name for name in CONTENDERS if takes_part(name, workload)}


def test_durable_writes_of_mercurius_are_measured_and_have_a_target():
    (workload,) = (each for each in WORKLOADS if each.writes)

    assert measured(workload) == set(CONTENDERS)
    assert workload.target.times["mercurius-full"] == 1
    assert CONTENDERS["mercurius-full"].settings == {"BENCH_SYNCHRONOUS": "FULL"}
    assert CONTENDERS["mercurius-full"].command == CONTENDERS["mercurius"].command


@pytest.mark.parametrize("workload", READS, ids=lambda workload: workload.name)
def test_reads_of_mercurius_are_measured_once(workload: Workload):
    assert set(CONTENDERS) - measured(workload) == {"mercurius-full"}


def test_a_server_with_other_settings_keeps_what_it_is():
    changed = CONTENDERS["mercurius-full"].with_settings(workers="2")

    assert changed.only_writes
    assert changed.settings["CHITTYGRAPH_WORKERS"] == "2"
    assert changed.settings["BENCH_SYNCHRONOUS"] == "FULL"
