"""/metrics: what the server says of its own work, in Prometheus' text."""

import asyncio
import os
import platform
import re
import signal
import time
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from db.history.pruning import prune
from tests.support.paths import ROOT
from tests.support.running.waiting import wait_until
from tests.support.services.api import running
from tests.support.services.asgi_client import AsgiClient
from tests.support.services.prometheus import Scraped
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of, workers_of

CREATE = """mutation Register($name: String) {
    registerActor(input: { actorType: HUMAN, displayName: $name }) { actor { chittyId } }
}"""
LIST = "query List { actors { nodes { chittyId ownedContexts: contexts { totalCount } } } }"
DOCS = (ROOT / "docs/monitoring.md").read_text()
ADDRESS = "http://127.0.0.1"


@pytest.fixture
async def api(tmp_path: Path):
    """A service over a new registry that tells three operation names apart."""
    async with running(tmp_path / "registry.db", metrics_operations=3) as api:
        yield api


async def scraped(api) -> Scraped:
    answer = await api.client.get("/metrics")
    assert answer.status_code == 200
    return Scraped(answer.text)


OF_REPLICAS = {"chittygraph_replica_lag_seconds"}
"""Held by tests/server/replica/test_following.py."""


async def test_the_docs_list_every_metric_of_ours(api):
    found = await scraped(api)
    ours = {
        sample.name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum")
        for sample in found.samples
        if sample.name.startswith("chittygraph_")
    }
    families = {family.name for family in found.families if family.name.startswith("chittygraph_")}
    listed = {
        name
        for row in re.findall(r"^\| (`chittygraph_.*?) \|", DOCS, re.MULTILINE)
        for name in re.findall(r"`(chittygraph_\w+)`", row)
    }

    assert {name.removesuffix("_total") for name in listed} == {
        name.removesuffix("_total") for name in ours | families | OF_REPLICAS
    }


async def test_the_versions_of_server_and_python_are_told(api):
    (info,) = [
        sample for sample in (await scraped(api)).samples if sample.name == "chittygraph_build_info"
    ]

    assert info.value == 1
    assert info.labels == {"version": version("chittygraph"), "python": platform.python_version()}


async def test_operations_are_counted_by_name_and_outcome(api):
    for name in ("Ada", "Grace"):
        await api.ask(CREATE, name=name)
    await api.ask("{ actors { totalCount } }")
    await api.post("query List { actors(first: -1) { totalCount } }")
    await api.post("{ nothing }")
    await api.post("query One { __typename } query Other { __typename }")
    await api.client.post("/graphql", content=b"{", headers={"content-type": "application/json"})

    found = await scraped(api)

    counted = {
        (sample.labels["operation"], sample.labels["outcome"]): sample.value
        for sample in found.samples
        if sample.name == "chittygraph_operations_total"
    }
    assert counted == {
        ("Register", "ok"): 2,
        ("(anonymous)", "ok"): 1,
        ("List", "errors"): 1,
        ("(none)", "refused"): 3,
    }


async def test_each_operation_has_a_histogram_of_how_long_it_took(api):
    for _ in range(3):
        await api.ask(LIST)

    found = await scraped(api)

    name = "chittygraph_operation_seconds"
    buckets = [
        sample.value
        for sample in found.samples
        if sample.name == f"{name}_bucket" and sample.labels["operation"] == "List"
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == found.total(f"{name}_count", operation="List") == 3
    assert 0 < found.total(f"{name}_sum", operation="List") < 60


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "generic"])
async def test_statements_and_rows_of_an_operation_are_counted_in_both_executions(
    tmp_path: Path, compiled: bool
):
    async with running(tmp_path / "registry.db", compiled=compiled) as api:
        for name in ("Ada", "Grace"):
            await api.ask(CREATE, name=name)
        await api.ask("query Rows { actors { nodes { chittyId } } }")

        found = await scraped(api)

    assert found.total("chittygraph_operation_statements_total", operation="Rows") == 1
    assert found.total("chittygraph_operation_rows_total", operation="Rows") == 2
    assert found.total("chittygraph_operation_statements_total", operation="Register") >= 2


async def test_only_a_limited_number_of_operation_names_are_told_apart(api):
    for name in ("A", "B", "C", "D", "E", "A"):
        await api.ask(f"query {name} {{ __typename }}")

    found = await scraped(api)

    by_name = "chittygraph_operations_total"
    assert found.labels(by_name, "operation") == {"A", "B", "C", "(other)"}
    assert found.total(by_name, operation="A") == 2
    assert found.total(by_name, operation="(other)") == 2


async def test_a_token_or_a_very_long_text_never_appears_as_an_operation_name(api):
    token = "ghp_" + "a1B2" * 9
    await api.ask(f"query {token} {{ __typename }}")
    await api.ask(f"query {'N' * 5_000} {{ __typename }}")

    answer = await api.client.get("/metrics")

    assert token not in answer.text
    assert "NNN" not in answer.text


async def test_compiled_operations_and_reasons_for_falling_back_are_counted(api):
    await api.ask("{ actors { totalCount } }")
    await api.ask("{ __schema { queryType { name } } }")

    found = await scraped(api)

    assert found.total("chittygraph_plan_hits_total") == 1
    assert found.total("chittygraph_plan_fallbacks_total", reason="introspection") == 1


async def test_writes_are_counted_by_how_many_shared_a_transaction(api):
    before = await scraped(api)
    await asyncio.gather(*(api.ask(CREATE, name=f"Actor {n}") for n in range(20)))

    found = await scraped(api)

    name = "chittygraph_writer_group_size"
    assert found.total(f"{name}_sum") - before.total(f"{name}_sum") == 20
    assert 1 <= found.total(f"{name}_count") - before.total(f"{name}_count") <= 20
    assert found.total("chittygraph_writer_queue") == 0


async def test_sizes_readers_and_the_process_have_metrics(api):
    await api.ask(CREATE, name="Ada")
    # Both of them: the server itself may read at any time, as for installations that wait for ids.
    sessions = [await api.service.db.borrow() for _ in range(2)]

    found = await scraped(api)

    for session in sessions:
        api.service.db.give_back(session)
    while (await scraped(api)).total("chittygraph_readers_in_use"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert found.total("chittygraph_wal_bytes") > 0
    assert found.total("chittygraph_database_bytes") > 0
    assert found.total("chittygraph_readers") == 2
    assert found.total("chittygraph_readers_in_use") == 2
    assert found.total("process_resident_memory_bytes") > 0


async def test_the_growth_of_the_history_has_metrics(api):
    before = await scraped(api)
    await api.ask(CREATE, name="Ada")
    await api.ask(CREATE, name="Bob")
    await prune(api.service.db, "2999-01-01T00:00:00.000Z")

    found = await scraped(api)

    name = "chittygraph_history"
    assert before.total(f"{name}_changes") == 0
    assert found.total(f"{name}_changes") == 1
    assert found.total(f"{name}_bases") == 1
    assert found.total(f"{name}_removed_total") == 0
    oldest = found.total(f"{name}_oldest_timestamp_seconds")
    assert 0 <= time.time() - oldest < TIMEOUT_SECONDS


async def test_paths_and_statuses_are_counted_and_unknown_paths_as_one(api):
    for path in ("/healthz", "/no-such-path", "/another"):
        await api.client.get(path)

    found = await scraped(api)

    counted = "chittygraph_http_requests_total"
    assert found.total(counted, path="/healthz", status="200") == 1
    assert found.total(counted, path="(other)", status="404") == 2
    assert found.labels(counted, "path") == {"/healthz", "(other)"}


async def test_every_metric_is_described_and_no_sample_comes_twice(api):
    await api.ask(LIST)

    found = await scraped(api)

    assert [family.name for family in found.families if not family.documentation] == []
    keys = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in found.samples]
    assert len(keys) == len(set(keys))


async def test_a_client_that_accepts_openmetrics_gets_it(api):
    asked = {"accept": "application/openmetrics-text;version=1.0.0"}

    answer = await api.client.get("/metrics", headers=asked)

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert list(text_string_to_metric_families(answer.text))


@pytest.mark.parametrize("peer", ["203.0.113.9", "10.0.0.1", "2001:db8::1"])
async def test_metrics_are_refused_to_other_machines(api, peer: str):
    async with AsgiClient(api.app, address=(peer, 40_000)) as client:
        answer = await client.get("/metrics")

    assert answer.status_code == 403
    assert "this machine" in answer.json()["errors"][0]["message"]
    assert "CHITTYGRAPH_METRICS_TOKEN" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "header",
    ["Forwarded", "Via", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"],
)
async def test_metrics_are_refused_to_clients_behind_a_local_proxy(api, header: str):
    answer = await api.client.get("/metrics", headers={header: "203.0.113.9"})

    assert answer.status_code == 403


async def test_metrics_can_be_switched_off(tmp_path: Path):
    async with running(tmp_path / "registry.db", metrics=False) as api:
        answer = await api.client.get("/metrics")

    assert answer.status_code == 404


def eventually(url: str, holds) -> Scraped:
    """The first scrape of which something holds: workers begin and end in their own time."""

    def look() -> Scraped | None:
        found = Scraped.of(url)
        return found if holds(found) else None

    return wait_until(look)


@contextmanager
def two_workers(folder: Path):
    with served(folder / "registry.db", "--workers", "2") as (process, said):
        try:
            yield process, said
        finally:  # a parent that is killed would leave its workers behind
            process.terminate()
            process.wait(TIMEOUT_SECONDS)


def labels_of(found: Scraped) -> set[str]:
    return found.labels("chittygraph_readers", "worker")


def test_every_worker_reports_the_metrics_of_all_workers(tmp_path: Path):
    with two_workers(tmp_path) as (_, said):
        url = url_of(said, "/metrics")
        eventually(url, lambda found: len(labels_of(found)) == 2)
        asked = {"query": "query Counted { actors { totalCount } }"}
        for _ in range(30):  # each on a connection of its own
            httpx2.post(url_of(said, "/graphql"), json=asked, timeout=TIMEOUT_SECONDS)

        seen = [Scraped.of(url) for _ in range(10)]

    for found in seen:
        assert labels_of(found) == {"1", "2"}
        assert found.total("chittygraph_operations_total", operation="Counted") == 30
        databases = [sample for sample in found.samples if sample.name == "chittygraph_wal_bytes"]
        assert len(databases) == 1


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this system has no /proc")
def test_a_killed_worker_is_left_out_and_its_successor_is_included(tmp_path: Path):
    with two_workers(tmp_path) as (process, said):
        url = url_of(said, "/metrics")
        before = labels_of(eventually(url, lambda found: len(labels_of(found)) == 2))
        os.kill(workers_of(process, 2)[0], signal.SIGKILL)

        found = eventually(url, lambda found: len(labels_of(found) - before) == 1)

    assert len(labels_of(found)) == 2
