"""Which servers the benchmarks measure with which workload, and how those differ."""

import re
from collections.abc import Sequence

import pytest

from benchmarks import node, options, postgres
from benchmarks.contenders import BY_NAME as CONTENDERS
from benchmarks.contenders import CREATION, READS, REVALIDATION, RIVALS
from benchmarks.options import Options
from benchmarks.rounds import WARM_UP_RUNS, WARM_UP_SECONDS
from benchmarks.workloads import BY_NAME as WORKLOADS
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS

COMPARED = [each for each in CONTENDERS.values() if each.comparison]
LONGEST_MINUTES = 25


def measured(workload: str) -> set[str]:
    return {each.name for each in CONTENDERS.values() if workload in each.workloads}


def clients(workload: str, chosen: Options) -> dict[str, Sequence[int]]:
    return dict(chosen.plan(WORKLOADS[workload], CONTENDERS).clients)


def test_workloads_are_reads_a_revalidation_and_a_creation():
    assert {*READS, REVALIDATION, CREATION} == set(WORKLOADS)
    assert WORKLOADS[REVALIDATION].again
    assert WORKLOADS[CREATION].writes


def test_durable_writes_of_mercurius_are_measured_and_have_a_target():
    workload = WORKLOADS[CREATION]

    assert measured(CREATION) == set(CONTENDERS) - {"larger", "two-workers"}
    assert workload.target.times["mercurius-full"] == 1
    assert CONTENDERS["mercurius-full"].settings == {"BENCH_SYNCHRONOUS": "FULL"}
    assert CONTENDERS["mercurius-full"].command == CONTENDERS["mercurius"].command


@pytest.mark.parametrize("workload", READS)
def test_reads_of_mercurius_are_measured_once(workload: str):
    assert set(CONTENDERS) - measured(workload) == {"mercurius-full"}


def test_a_server_with_other_settings_keeps_what_it_is():
    changed = CONTENDERS["mercurius-full"].with_settings(workers="2")

    assert changed.workloads == (CREATION,)
    assert changed.settings["CHITTYGRAPH_WORKERS"] == "2"
    assert changed.settings["BENCH_SYNCHRONOUS"] == "FULL"


@pytest.mark.parametrize("rival", ["bun", "postgraphile"])
def test_rivals_that_need_more_than_node_are_measured_with_all_but_revalidation(rival: str):
    assert rival in RIVALS
    assert CONTENDERS[rival].is_optional
    assert CONTENDERS[rival].workloads == CONTENDERS["mercurius"].workloads


def test_ten_times_the_data_an_owner_and_two_workers_are_compared_with_the_usual_server():
    found = {each.name: each.comparison for each in COMPARED}

    assert {name: each.base for name, each in found.items()} == {
        "larger": "compiled",
        "owner": "open",
        "two-workers": "compiled",
    }
    assert (found["larger"].most, found["owner"].most) == (1.2, 1.3)
    assert set(CONTENDERS["larger"].workloads) == {*READS, REVALIDATION}
    assert CONTENDERS["owner"].registry == CONTENDERS["open"].registry


@pytest.mark.parametrize("quick", [[], ["--quick"]], ids=["whole", "quick"])
@pytest.mark.parametrize("workload", WORKLOADS)
def test_what_is_compared_has_its_base_measured_with_as_many_clients(
    workload: str, quick: list[str]
):
    planned = clients(workload, options.read(quick))

    for each in COMPARED:
        if workload in each.workloads:
            assert planned[each.name]
            assert set(planned[each.name]) <= set(planned[each.comparison.base])


def test_two_workers_are_measured_with_many_clients():
    assert clients("W1", options.read(["--quick"])) == {
        **{name: [1] for name in measured("W1")},
        "compiled": [1, 16],
        "two-workers": [16],
    }


def test_who_is_compared_brings_its_base():
    assert options.read(["--servers", "owner"]).servers == ["open", "owner"]


def test_a_whole_run_takes_less_than_25_minutes():
    chosen = options.read([])
    plans = [chosen.plan(workload, CONTENDERS) for workload in WORKLOADS.values()]
    warm_up = WARM_UP_RUNS * WARM_UP_SECONDS

    seconds = sum(
        warm_up + len(clients) * plan.rounds * plan.seconds
        for plan in plans
        for clients in plan.clients.values()
        if clients
    )

    assert seconds / 60 < LONGEST_MINUTES


def test_help_names_every_server_and_workload(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        options.read(["--help"])
    said = capsys.readouterr().out

    titles = {each.name: each.title for each in CONTENDERS.values()}
    titles |= {each.name: each.title for each in WORKLOADS.values()}
    for name, title in titles.items():
        assert re.search(rf"^  {name} +{re.escape(title)}$", said, re.MULTILINE)


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=lambda workload: workload.name)
def test_postgraphile_is_asked_the_same_fields_under_their_names(workload):
    asked = CONTENDERS["postgraphile"].spelled(workload).query

    without_aliases = re.sub(
        r"(\w+): (live\w+|result|\w+ByChittyId|\w+By\w+ChittyId)", r"\1", asked
    )
    assert "ChittyID!" not in asked
    assert without_aliases.replace("String!", "ChittyID!").split() == (
        workload.query.replace("errors { code message path }", "").split()
    )


@pytest.mark.parametrize(
    "table", [ACTORS, INSTALLATIONS, CONTEXTS, CONNECTIONS], ids=lambda table: table.name
)
def test_the_tables_in_postgresql_have_the_registry_s_columns(table):
    sql = postgres.SCHEMA.read_text()
    (body,) = re.findall(rf"CREATE TABLE {table.name} \((.*?)\n\);", sql, re.DOTALL)

    assert set(re.findall(r"^    (\w+) ", body, re.MULTILINE)) == set(table.columns)


@pytest.mark.parametrize(
    ("value", "text"), [(None, r"\N"), (7, "7"), ("a\tb\n", r"a\tb\n"), (r"\N", r"\\N")]
)
def test_a_value_is_written_as_postgresql_copies_it(value: str | int | None, text: str):
    assert postgres.copied(value) == text


@pytest.mark.parametrize("folder", ["", "bun", "postgraphile"])
def test_locks_hold_no_address_of_a_registry(folder: str):
    assert '"resolved"' not in (node.FOLDER / folder / "package-lock.json").read_text()
