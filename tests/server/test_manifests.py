"""deploy/ for Docker Compose, Kubernetes, Prometheus and Grafana: valid, and true to the server."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from server.cli import parser
from server.endpoints import health
from server.setting_fields import PREFIX, variable
from server.settings import Settings
from tests.support.other_programs.python_tools import environment
from tests.support.paths import ROOT
from tests.support.services.api import running
from tests.support.services.commands import command_process
from tests.support.services.prometheus import Scraped
from tests.support.services.server_process import QUIET, served, url_of

DEPLOY = ROOT / "deploy"
TESTS = ROOT / "tests"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
KUBERNETES = {
    each["kind"]: each for each in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
}
ALERTS = yaml.safe_load((DEPLOY / "prometheus-alerts.yaml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]
# Prometheus adds these to each sample, and `up` to each scrape.
OF_PROMETHEUS = {"job", "instance"}
VIEWER = {"query": "{ viewer { capabilities actor { displayName } } }"}


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = KUBERNETES["Deployment"]["spec"]["template"]["spec"]
    return spec


def test_compose_starts_a_protected_server_and_makes_the_first_key(tmp_path: Path):
    server, first_key = COMPOSE["services"]["server"], COMPOSE["services"]["first-key"]
    database = tmp_path / "chittygraph.db"

    with served(database, *QUIET, environment=server["environment"]) as (_, line):
        made = command_process(*first_key["command"], "--database", database)
        headers = {"authorization": f"Bearer {made.stdout.strip()}"}
        refused = httpx2.post(url_of(line, "/graphql"), json=VIEWER)
        viewer = httpx2.post(url_of(line, "/graphql"), json=VIEWER, headers=headers).json()

    assert refused.status_code == 401
    assert viewer["data"]["viewer"] == {
        "capabilities": ["admin"],
        "actor": {"displayName": "Administrator"},
    }


def test_compose_keeps_one_volume_for_both_and_publishes_to_this_machine_only():
    server, first_key = COMPOSE["services"]["server"], COMPOSE["services"]["first-key"]

    assert server["volumes"] == first_key["volumes"] == ["registry:/data"]
    assert all(port.startswith("127.0.0.1:") for port in server["ports"])
    assert first_key["profiles"]  # it runs when it is asked for
    assert first_key["environment"] == server["environment"]


def test_kubernetes_runs_one_pod_that_is_probed_where_the_server_answers():
    (container,) = pod()["containers"]
    probes = {
        name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("liveness", "readiness")
    }

    assert KUBERNETES["Deployment"]["spec"]["replicas"] == 1
    assert KUBERNETES["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    assert probes == {"liveness": health.ALIVE, "readiness": health.READY}
    assert pod()["enableServiceLinks"] is False
    assert pod()["securityContext"]["runAsUser"] == 10001  # the Dockerfile's
    parser("serve").parse_args(container["args"])


@pytest.mark.parametrize("name", ["compose.yaml", "kubernetes.yaml", "prometheus-alerts.yaml"])
def test_every_setting_of_a_manifest_exists(name: str):
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", (DEPLOY / name).read_text()))

    assert named
    assert named <= {variable(each.name) for each in fields(Settings)}


def test_manifests_set_values_that_the_settings_accept():
    for environ in (COMPOSE["services"]["server"]["environment"], KUBERNETES["ConfigMap"]["data"]):
        assert Settings.read(environ).auth == "protected"


async def test_alerts_and_dashboard_use_metrics_and_labels_that_the_server_has(tmp_path: Path):
    async with running(tmp_path / "registry.db") as api:
        await api.ask("query Names { actors { nodes { displayName } } }")
        await api.ask("{ __schema { queryType { name } } }")  # in generic execution
        found = Scraped((await api.client.get("/metrics")).text)

    names = {sample.name for sample in found.samples} | {
        f"{family.name}{'_total' if family.type == 'counter' else ''}" for family in found.families
    }
    labels = {label for sample in found.samples for label in sample.labels} | {"reason"}
    for expression in EXPRESSIONS:
        used = set(re.findall(r"\b(?:chittygraph|process|python)_\w+", expression))
        assert used <= names, used - names
        assert labels_of(expression) <= labels | OF_PROMETHEUS, expression
    assert len({name for each in EXPRESSIONS for name in re.findall(r"chittygraph_\w+", each)}) > 20


def labels_of(expression: str) -> set[str]:
    selected = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression)
    grouped = [
        name for each in re.findall(r"by \((.*?)\)", expression) for name in each.split(", ")
    ]
    return {*selected, *grouped}


def test_the_page_on_monitoring_lists_every_alert():
    page = (ROOT / "docs" / "monitoring.md").read_text()

    assert [rule["alert"] for rule in RULES if f"`{rule['alert']}`" not in page] == []
    assert set(re.findall(r"`(ChittyGraph[A-Z]\w+)`", page)) == {rule["alert"] for rule in RULES}


def test_panels_of_the_dashboard_have_a_place_of_their_own():
    taken = [place for panel in DASHBOARD["panels"] for place in places(panel["gridPos"])]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]

    assert len(taken) == len(set(taken))
    assert len(ids) == len(set(ids))
    assert all(panel["description"] for panel in DASHBOARD["panels"])


def places(grid: dict[str, int]) -> Iterator[tuple[int, int]]:
    assert grid["x"] + grid["w"] <= 24
    for x in range(grid["x"], grid["x"] + grid["w"]):
        for y in range(grid["y"], grid["y"] + grid["h"]):
            yield x, y


@pytest.mark.thorough
@pytest.mark.parametrize("command", [["check", "rules"], ["test", "rules"]], ids=" ".join)
def test_promtool_accepts_the_alerts_and_they_fire(command: list[str]):
    if shutil.which("promtool") is None:
        pytest.skip("no promtool")
    file = DEPLOY / "prometheus-alerts.yaml"
    given = file if command[0] == "check" else TESTS / "manifests" / "alerts.test.yaml"

    ran = subprocess.run(["promtool", *command, given], capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.thorough
def test_promtool_parses_every_expression_of_the_dashboard(tmp_path: Path):
    if shutil.which("promtool") is None:
        pytest.skip("no promtool")
    rules = [
        {"record": f"panel:{number}", "expr": re.sub(r"\$__\w+", "5m", expression)}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    file = tmp_path / "rules.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))

    ran = subprocess.run(
        ["promtool", "check", "rules", file], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{len(EXPRESSIONS)} rules found" in ran.stdout


@pytest.mark.thorough
def test_the_manifests_are_what_kubernetes_and_compose_specify(tmp_path: Path):
    tools = environment("manifests", TESTS) / "bin"
    kubernetes = [tools / "kubernetes-validate", "--strict", "--no-warn"]
    compose = [tools / "python", TESTS / "manifests" / "check_compose.py"]
    cluster = DEPLOY / "cluster" / "compose.yaml"
    misspelt = {}
    for name, right, wrong in (
        ("kubernetes.yaml", "readinessProbe", "readynessProbe"),
        ("compose.yaml", "stop_grace_period", "stop_grace_perod"),
    ):
        misspelt[name] = tmp_path / name
        misspelt[name].write_text((DEPLOY / name).read_text().replace(right, wrong))

    assert code([*kubernetes, DEPLOY / "kubernetes.yaml"]) == 0
    assert code([*compose, DEPLOY / "compose.yaml"]) == 0
    assert code([*compose, cluster]) == 0
    assert code([*kubernetes, misspelt["kubernetes.yaml"]]) != 0
    assert code([*compose, misspelt["compose.yaml"]]) != 0


def code(words: list[Any]) -> int:
    return subprocess.run(words, capture_output=True, check=False).returncode
