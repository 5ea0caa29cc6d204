"""`--history` compares this server with itself without the triggers that record changes."""

import sqlite3
from contextlib import closing

import pytest

from benchmarks import data, recording, registries
from benchmarks.contenders import CONTENDERS
from benchmarks.recording import RECORDING, UNRECORDED, WORKLOADS_THAT_WRITE, Extent
from benchmarks.rounds import Sample
from benchmarks.servers import post, running
from benchmarks.workloads import BY_NAME as WORKLOADS
from benchmarks.workloads import SERIAL, Workload
from db.migrating.history_triggers import HISTORIED

SCALE = 0.01


@pytest.fixture
def registry(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "FOLDER", tmp_path / "data")
    return registries.ordinary(SCALE, tmp_path)


def sample(server: str, clients: int, per_second: float, cpu_ms: float) -> Sample:
    return Sample("W4", clients, server, 1, 1000, per_second, 1.0, 2.0, cpu_ms, 50.0)


def test_every_row_of_the_benchmarks_data_has_a_first_change(registry):
    with closing(sqlite3.connect(registry.path)) as connection:
        for table in HISTORIED:
            keys, changed = (
                {key for (key,) in connection.execute(sql)}
                for sql in (
                    f"SELECT {table.key} FROM {table.name}",
                    f"SELECT key FROM changes WHERE kind = '{table.name}'",
                )
            )
            assert keys == changed


def test_only_our_server_keeps_a_history():
    assert {each.name for each in CONTENDERS if each.is_rival and each.keeps_history} == set()
    assert RECORDING.keeps_history
    assert not UNRECORDED.keeps_history


@pytest.mark.parametrize(("contender", "changes"), [(RECORDING, 1), (UNRECORDED, 0)])
def test_each_workload_makes_one_change_where_changes_are_recorded(
    registry, tmp_path, contender, changes
):
    with running(contender, registry, tmp_path) as server:
        for workload in WORKLOADS_THAT_WRITE:
            before = Extent.of(server, tmp_path)
            answer = post(server, workload, server.bodies(workload)[0].replace(SERIAL, "1"))

            assert b'"errors":[]' in answer
            assert Extent.of(server, tmp_path).changes - before.changes == changes


def test_the_cost_is_a_ratio_within_rounds_and_has_a_target_where_the_issue_names_one():
    samples = [
        *(sample("recording", 1, each, 1.2) for each in (100, 200)),
        *(sample("unrecorded", 1, each, 1.0) for each in (120, 240)),
    ]
    other = Workload("use", "", "", WORKLOADS["W4"].variables, WORKLOADS["W4"].target)

    (created,) = recording.costs(WORKLOADS["W4"], samples)
    (used,) = recording.costs(other, samples)

    said = "at 1: recorded, it takes 1.20 times as long (1.20 times the CPU time) as without"
    assert (created.text, created.is_met) == (f"W4 {said}, 1.1 allowed", False)
    assert used.text == f"use {said}"


def test_what_a_row_takes_itself_is_not_part_of_its_change():
    before = [Extent(1000, 0, 10), Extent(1000, 0, 10)]
    after = [Extent(1000 + 4 * 150, 4, 14), Extent(1000 + 2 * 50, 0, 12)]

    assert recording.bytes_per_change(before, after) == 100
